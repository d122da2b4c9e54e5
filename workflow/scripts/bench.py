"""Tables and bars of what was measured beside the references."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import rows, speed, speed_text, store
from linkprune.plots import bench, style


def main(runs, out):
    found = speed.rows(speed.read(runs))
    rows.write(out.csv, found, speed.ROW)
    with store.replacing(out.md) as part:
        part.write_text(speed_text.markdown(found))
    figure = bench.ratios(found)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.runs, snakemake.output)
