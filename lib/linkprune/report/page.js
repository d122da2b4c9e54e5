"use strict";
(() => {
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56B4E9", "#7A5CA8", "#B22222", "#5F7F1F"];
  const SVG = "http://www.w3.org/2000/svg";
  const GREY = ["thin", "initial"]; // rivals, and what was learned from
  const MARGIN = {left: 64, right: 26, top: 12, bottom: 44};
  const NINES = [0, .5, .8, .9, .95, .98, .99, .995, .998, .999];
  const tip = document.getElementById("tip");

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  // Axes: a scale maps a value to pixels; the "nines" of recalls are even steps of -log(1 - recall).

  function transform(kind, most) {
    if (kind === "log") return Math.log10;
    if (kind === "nines") return (y) => -Math.log(Math.max(1 - y, most));
    return (x) => x;
  }

  function ticks(kind, lo, hi) {
    if (kind === "nines") return NINES.filter((t) => t >= lo && t <= hi);
    if (kind === "log") {
      const found = [];
      for (let p = Math.floor(Math.log10(lo)); p <= Math.ceil(Math.log10(hi)); p++)
        for (const m of hi / lo > 300 ? [1] : [1, 2, 5]) found.push(m * 10 ** p);
      return found.filter((t) => t >= lo * .999 && t <= hi * 1.001);
    }
    const rough = (hi - lo) / 6, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const found = [];
    for (let t = Math.ceil(lo / step - 1e-9) * step; t <= hi + 1e-9; t += step) found.push(t);
    return found;
  }

  function scale(kind, values, from, to, most) {
    let lo = Math.min(...values), hi = Math.max(...values);
    if (kind === "linear" && hi <= 1) { lo = Math.max(0, lo - .02); hi = Math.min(1, hi + .02); }
    if (kind === "linear" && lo > 1) lo = 0;
    if (lo === hi) hi = lo + 1;
    const f = transform(kind, most), a = f(lo), b = f(hi);
    const at = (v) => from + (f(v) - a) / (b - a) * (to - from);
    return Object.assign(at, {ticks: ticks(kind, lo, hi)});
  }

  const shown = (v) => v >= 1000 ? v.toLocaleString("en") : String(+v.toPrecision(3));

  // Of curves that end at all neighbours found: from a recall of one half up to the first such point,
  // and rivals no further than the other curves twice over.
  function steep(points, xKey, yKey, top) {
    const done = new Set();
    const kept = points.filter((p) => {
      const id = `${p.series}|${p.style}`;
      if (p[yKey] < .5 || done.has(id)) return false;
      if (p[yKey] >= top) done.add(id);
      return true;
    });
    const main = kept.filter((p) => p.style === "solid").map((p) => p[xKey]);
    return kept.filter((p) => !main.length || p[xKey] <= 2 * Math.max(...main));
  }

  // Plots

  class Plot {
    constructor(host, spec) {
      Object.assign(this, {host, spec, hidden: new Set(), marks: []});
      this.datasets = [...new Set(spec.points.map((p) => p.dataset))];
      this.names = [...new Set(spec.points.map((p) => p.series))];
      this.coloured = this.names.filter((n) => spec.points.some((p) => p.series === n && !GREY.includes(p.style)));
      const pick = (label, options) => {
        const select = element("select", {"aria-label": label}, ...options.map(([v, t]) => element("option", {value: v}, t)));
        select.addEventListener("change", () => this.draw());
        controls.append(element("label", {}, `${label} `, select));
        return select;
      };
      const controls = element("p", {class: "tools controls"});
      host.replaceChildren(controls);
      this.dataset = pick("Data", this.datasets.map((d) => [d, d]));
      this.y = pick("Up", spec.y.map(([key, label]) => [key, label]));
      this.x = pick("Along", spec.x.map(([key, label]) => [key, label]));
      this.svg = document.createElementNS(SVG, "svg");
      this.svg.setAttribute("role", "img");
      this.legend = element("div", {class: "legend"});
      host.append(this.svg, this.legend, element("p", {class: "note"}, spec.note));
      this.svg.addEventListener("pointermove", (e) => this.point(e));
      this.svg.addEventListener("pointerdown", (e) => this.point(e));
      this.svg.addEventListener("pointerleave", () => this.leave());
      this.draw();
    }

    colour(name) {
      return COLOURS[this.coloured.indexOf(name) % COLOURS.length] || "var(--soft)";
    }

    draw() {
      const width = this.host.clientWidth - 26, height = width < 500 ? 320 : 430;
      if (width < 100) return;
      const [xKey, xLabel, xKind] = this.spec.x.find(([key]) => key === this.x.value);
      const [yKey, yLabel, yKind] = this.spec.y.find(([key]) => key === this.y.value);
      const points = this.spec.points.filter((p) => p.dataset === this.dataset.value && yKey in p && (xKey in p || p.end));
      this.leave();
      this.marks = [];
      this.svg.replaceChildren();
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.setAttribute("aria-label", `${yLabel} over ${xLabel} on ${this.dataset.value}; the table below has the numbers`);
      this.key(points);
      const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
      const most = 1 / (4 * Math.max(...points.map((p) => p.nq || 1)));
      const inside = yKind === "nines" ? steep(points, xKey, yKey, 1 - most) : points;
      const x = scale(xKind, inside.filter((p) => !p.end).map((p) => p[xKey]), MARGIN.left, right - 14, 0);
      const heights = inside.flatMap((p) => p.style === "solid" && !p.end && `${yKey}_lo` in p && yKind === "linear" ? [p[yKey], p[`${yKey}_lo`], p[`${yKey}_hi`]] : [p[yKey]]);
      const y = scale(yKind, heights, bottom, MARGIN.top, most);
      this.axes(x, y, right, bottom, xLabel, yLabel);
      const curves = new Map();
      for (const p of inside.filter((p) => !this.hidden.has(p.series))) {
        const id = `${p.series}|${p.style}|${p.end}`;
        curves.set(id, [...(curves.get(id) || []), p]);
      }
      for (const curve of [...curves.values()].sort((a, b) => (a[0].style !== "thin") - (b[0].style !== "thin")))
        this.curve(curve, (p) => p.end ? right : x(p[xKey]), y, yKey);
    }

    axes(x, y, right, bottom, xLabel, yLabel) {
      for (const t of y.ticks) {
        drawn("line", {class: "grid", x1: MARGIN.left, x2: right, y1: y(t), y2: y(t)}, this.svg);
        drawn("text", {x: MARGIN.left - 8, y: y(t) + 4, "text-anchor": "end"}, this.svg).textContent = shown(t);
      }
      let last = -Infinity;
      for (const t of x.ticks) {
        if (x(t) - last < 36) continue;
        last = x(t);
        drawn("line", {class: "grid", x1: x(t), x2: x(t), y1: MARGIN.top, y2: bottom}, this.svg);
        drawn("text", {x: x(t), y: bottom + 17, "text-anchor": "middle"}, this.svg).textContent = shown(t);
      }
      drawn("text", {x: (MARGIN.left + right) / 2, y: bottom + 37, "text-anchor": "middle"}, this.svg).textContent = xLabel;
      const up = drawn("text", {transform: `translate(13 ${(bottom + MARGIN.top) / 2}) rotate(-90)`, "text-anchor": "middle"}, this.svg);
      up.textContent = yLabel;
    }

    curve(points, x, y, key) {
      const first = points[0], colour = this.colour(first.series);
      const group = drawn("g", {class: first.style, "data-series": first.series}, this.svg);
      const lowest = this.svg.viewBox.baseVal.height - MARGIN.bottom;
      const at = (p, k) => `${x(p).toFixed(1)},${Math.min(y(p[k]), lowest).toFixed(1)}`;
      if (first.style === "solid" && !first.end && points.every((p) => `${key}_lo` in p)) {
        const outline = [...points.map((p) => at(p, `${key}_lo`)), ...points.map((p) => at(p, `${key}_hi`)).reverse()];
        drawn("polygon", {class: "band", points: outline.join(" "), fill: colour}, group);
      }
      if (!first.end)
        drawn("polyline", {class: "curve", points: points.map((p) => at(p, key)).join(" "), stroke: colour}, group);
      for (const p of points) {
        const cx = x(p), cy = y(p[key]), r = p.style === "thin" ? 2 : 4;
        const mark = p.end
          ? drawn("path", {class: "dot", d: `M${cx - 6} ${cy}l6 -6l6 6l-6 6z`, fill: colour}, group)
          : drawn("circle", {class: "dot", cx, cy, r, fill: colour}, group);
        this.marks.push({p, cx, cy, mark, group});
      }
    }

    key(points) {
      const present = this.names.filter((n) => points.some((p) => p.series === n));
      const style = (name) => points.find((p) => p.series === name && p.style !== "dashed")?.style || "dashed";
      const entry = (text, names) => {
        const line = element("i", {class: style(names[0]), style: `border-color: ${this.colour(names[0])}`});
        const gone = names.every((n) => this.hidden.has(n));
        const button = element("button", {type: "button", "aria-pressed": String(!gone)}, line, text);
        button.addEventListener("click", () => {
          for (const n of names) gone ? this.hidden.delete(n) : this.hidden.add(n);
          this.draw();
        });
        button.addEventListener("pointerenter", () => this.fade(names));
        button.addEventListener("pointerleave", () => this.fade(null));
        return button;
      };
      const thin = present.filter((n) => style(n) === "thin");
      const entries = present.filter((n) => !thin.includes(n)).map((n) => entry(n, [n]));
      if (thin.length) entries.push(entry(`${thin.length} rivals, named where you point`, thin));
      this.legend.replaceChildren(...entries);
    }

    fade(names) {
      for (const group of this.svg.querySelectorAll("[data-series]"))
        group.classList.toggle("faded", names !== null && !names.includes(group.dataset.series));
    }

    point(event) {
      const box = this.svg.getBoundingClientRect(), zoom = this.svg.viewBox.baseVal.width / box.width;
      const px = (event.clientX - box.left) * zoom, py = (event.clientY - box.top) * zoom;
      let best = null, least = 28;
      for (const mark of this.marks) {
        const away = Math.hypot(mark.cx - px, mark.cy - py);
        if (away < least) [best, least] = [mark, away];
      }
      if (best !== this.hot) this.leave();
      if (!best) return;
      this.hot = best;
      best.mark.classList.add("hot");
      this.fade([best.p.series]);
      tip.replaceChildren(element("b", {}, best.p.series), ...describe(best.p));
      tip.hidden = false;
      const wide = tip.offsetWidth, high = tip.offsetHeight;
      const left = Math.min(Math.max(4, box.left + best.cx / zoom + 14), innerWidth - wide - 4);
      const top = box.top + best.cy / zoom - high - 12;
      tip.style.left = `${left}px`;
      tip.style.top = `${Math.max(4, top)}px`;
    }

    leave() {
      this.hot?.mark.classList.remove("hot");
      this.hot = null;
      tip.hidden = true;
      this.fade(null);
    }
  }

  function describe(p) {
    const rows = [];
    if ("efSearch" in p) rows.push(["efSearch", shown(p.efSearch)]);
    if (p.note) rows.push(["", p.note]);
    for (const share of ["R@1", "R@10", "R@100", "recall@10"]) {
      if (!(share in p)) continue;
      const within = `${share}_lo` in p ? ` [${(100 * p[`${share}_lo`]).toFixed(2)}, ${(100 * p[`${share}_hi`]).toFixed(2)}]` : "";
      rows.push([share, `${(100 * p[share]).toFixed(2)} %${within}`]);
    }
    if ("ndis" in p) rows.push(["distances", shown(Math.round(10 * p.ndis) / 10)]);
    if ("ms_per_query" in p) rows.push(["time", `${p.ms_per_query.toPrecision(3)} ms per query`]);
    return [element("table", {}, element("tbody", {}, ...rows.map((r) => element("tr", {}, ...r.map((t) => element("td", {}, t))))))];
  }

  const data = JSON.parse(document.getElementById("data").textContent);
  const plots = [...document.querySelectorAll("[data-plot]")].map((host) => new Plot(host, data[host.dataset.plot]));
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => plots.forEach((plot) => plot.draw()), 100);
  });
  addEventListener("scroll", () => { tip.hidden = true; }, {passive: true});

  // Tables: sorted by a click on a head, filtered by words that a row must have

  const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();

  function order(a, b) {
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return x - y;
    return a.localeCompare(b, "en", {numeric: true});
  }

  for (const button of document.querySelectorAll(".sortable th button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), column = head.cellIndex, body = head.closest("table").tBodies[0];
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return order(x, y) * (down ? -1 : 1);
      });
      body.append(...rows);
    });
  }

  for (const input of document.querySelectorAll("[data-filter]")) {
    const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
    const output = input.closest("p").querySelector("output");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += !row.hidden;
      }
      output.textContent = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
    });
  }

  // Claims: those of one verdict

  const claims = [...document.querySelectorAll("details.claim")];
  const choices = [...document.querySelectorAll("#verdicts button")];

  function choose(verdict) {
    for (const button of choices) button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
    for (const claim of claims) {
      claim.hidden = verdict !== null && !claim.dataset.verdicts.split("|").includes(verdict);
      claim.open = verdict !== null && !claim.hidden;
      for (const row of claim.querySelectorAll("tr[data-verdict]"))
        row.hidden = verdict !== null && row.dataset.verdict !== verdict;
    }
  }

  for (const button of choices)
    button.addEventListener("click", () => choose(button.getAttribute("aria-pressed") === "true" ? null : button.dataset.verdict));
  for (const link of document.querySelectorAll("a[data-verdict]"))
    link.addEventListener("click", () => choose(link.dataset.verdict));

  // Figures: one at a time over the whole window, larger and smaller

  const dialog = document.getElementById("enlarged"), stage = dialog.querySelector(".stage");
  let home = null, zoom = 1;

  function resize(factor) {
    zoom = Math.min(8, Math.max(1, zoom * factor));
    stage.firstChild.style.width = `${100 * zoom}%`;
  }

  function enlarge(figure) {
    home = figure.querySelector(".drawing");
    stage.append(home.firstElementChild); // moved, not copied: its ids stay unique
    dialog.showModal();
    zoom = 1;
    resize(1);
  }

  dialog.addEventListener("close", () => {
    stage.firstChild.style.width = "";
    home.append(stage.firstChild);
  });
  dialog.addEventListener("click", (event) => {
    const wanted = event.target.closest("button")?.value;
    if (wanted === "close") dialog.close();
    if (wanted === "in") resize(1.5);
    if (wanted === "out") resize(1 / 1.5);
  });
  for (const figure of document.querySelectorAll("figure")) {
    figure.querySelector(".drawing").addEventListener("click", () => enlarge(figure));
    figure.querySelector(".zoom").addEventListener("click", () => enlarge(figure));
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.claim")) details.open = true;
  });
  document.documentElement.classList.add("ready");
})();
