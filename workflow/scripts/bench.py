"""Tables and bars of what was measured beside the references."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import speed, speed_text, store
from linkprune.plots import bench, style


def main(runs, out):
    rows = speed.rows(speed.read(runs))
    speed_text.write_csv(out.csv, rows, speed.ROW)
    with store.replacing(out.md) as part:
        part.write_text(speed_text.markdown(rows))
    figure = bench.ratios(rows)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.runs, snakemake.output)
