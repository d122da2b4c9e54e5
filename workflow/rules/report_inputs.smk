# What the claims and the page read: the tables and figures of the chosen scale, or some of them.


SHOWN = dict.fromkeys((*checked.TABLES, *checked.PRUNING, checked.SEEDS, *FIGURES))
for name in config.get("report", []):
    if name not in SHOWN:
        known = ", ".join(SHOWN)
        sys.exit(f"linkprune: report: {name} is no table or figure, expected one of {known}")


def shown(name):
    """Whether the page is to show a table or figure; all of them unless the config says which."""
    return name in config.get("report", [name])


def shown_tables():
    return [path for path in tables() if shown(os.path.basename(path).removesuffix(".csv"))]


def shown_figures():
    return [path for path in figures() if shown(os.path.basename(path).removesuffix(".svg"))]


def claim_tables():
    """The tables that claims are read in, those that are made at the chosen scale."""
    found = []
    for path in shown_tables():
        name = path.removesuffix(".csv")
        pruned = os.path.basename(name) in checked.PRUNING
        found += [path, f"{name}_summary.csv", f"{name}_initial.csv"] if pruned else [path]
        found += [f"{name}_paired.csv"] if os.path.basename(name) in checked.TABLES else []
    for path in shown_figures():
        found += FIGURE_CLAIMS.get(os.path.basename(path).removesuffix(".svg"), [])
    return found


# Figure -> what it was drawn from and claims are read in.
FIGURE_CLAIMS = {
    "toy": ["results/figures/toy_vertices.csv"],
    "estimators": ["results/figures/estimators.csv"],
    "codecs": ["results/figures/codecs.csv"],
}


def shown_captions():
    """Drawing -> caption file, and what the caption may name, by the report() of the rules.

    Called when all rules are known. A rule of which one drawing is shown shows all its drawings.
    """
    found = {}
    for target in shown_figures():
        for maker in workflow.rules:
            drawings = [file for file in maker.output if "report" in file.flags]
            for match in filter(None, (file.match(target) for file in drawings)):
                values = match.groupdict()
                named = {n: v for n, v in maker.params.items() if isinstance(v, int | str)}
                for file in drawings:
                    caption = file.flags["report"].caption.get_path_or_uri(secret_free=True)
                    found[str(file.apply_wildcards(values))] = {
                        "caption": os.path.relpath(caption),
                        "wildcards": values,
                        "params": named,
                    }
    return found


def drawings(wildcards):
    return list(shown_captions())


def caption_files(wildcards):
    return sorted({found["caption"] for found in shown_captions().values()})


def captions(wildcards):
    return shown_captions()


def report_command(wildcards):
    """How to get a target of this run: a command with its name missing."""
    options = [f"--configfile {' '.join(map(os.path.relpath, overlays))}"] if overlays else []
    return " ".join(["snakemake --cores 2 {}", *options, f"--config scale={config['scale']}"])


def learned_graphs(wildcards):
    """The curves of learned and initial graphs of an experiment, on all its data sets."""
    points = trained_points(wildcards.experiment)
    points += list(dict.fromkeys((graph, "unpruned") for graph, _ in points))
    return [
        f"results/{dataset}/{g}/{p}/curve.h5"
        for dataset in compared_datasets(wildcards.experiment)
        for g, p in points
    ]
