"""Put the tables, figures, claims and the provenance of everything into one page."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import claims, claims_page
from linkprune.report import content, page


def main(i, out, p):
    register = claims.load(i.claims)
    listed = claims_page.entries(register, claims.read_csv(i.readings))
    artifacts = content.artifacts([*i.tables, *i.more, *i.drawings, i.readings])
    made = [*i.tables, *i.drawings]
    page.write(
        out,
        run=content.run(p.config, artifacts, p.command.format(out)),
        results=content.results(register, p.config["scale"], made, p.command, listed, artifacts),
        tables=content.tables(register, i.tables, i.more),
        figures=content.figures(register, p.captions),
        claims=listed,
        artifacts=artifacts,
    )


main(snakemake.input, snakemake.output[0], snakemake.params)
