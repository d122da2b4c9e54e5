"""Read what the tables of this scale say to the claims, and write the verdicts."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import claims, claims_page, rows

WHERE = "What the tables of scale {} say to the claims of the papers and to ours."


def main(i, out, scale):
    register = claims.load(i.claims)
    tables = {path: rows.read(path) for path in i if path.endswith(".csv")}
    claims.write_csv(out.csv, claims.readings(register.claims, tables, scale))
    found = claims_page.entries(register, claims.read_csv(out.csv))
    claims_page.write_markdown(out.md, found, "Claims", WHERE.format(scale))


main(snakemake.input, snakemake.output, snakemake.params.scale)
