(() => {
  "use strict";
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const tip = byId("tip");
  const TEXT = 12;

  function add(parent, name, attributes = {}, text = "") {
    const svg = name === "svg" || parent.namespaceURI.endsWith("svg");
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return parent.appendChild(node);
  }

  function say(event, text) {
    tip.textContent = text;
    tip.hidden = !text;
    if (!text) return;
    const box = tip.getBoundingClientRect();
    const right = event.clientX + 14 + box.width < innerWidth ? event.clientX + 14 : event.clientX - 14 - box.width;
    const below = event.clientY + 14 + box.height < innerHeight ? event.clientY + 14 : event.clientY - 14 - box.height;
    tip.style.left = `${Math.max(4, right)}px`;
    tip.style.top = `${Math.max(4, below)}px`;
  }

  const shown = (value) => Number(value.toPrecision(6)).toString();

  function ticks(low, high, count) {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) found.push(at * step);
    return found;
  }

  function logTicks(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) found.push(10 ** power);
    return found.filter((value) => value >= low);
  }

  // Axes with labelled ticks in the width that the page has now; px and py turn values into pixels.
  function axes(host, { x, y, xlabel, ylabel = "", height, log = false, left = 48, yticks = true, whole = false }) {
    host.replaceChildren();
    const width = Math.max(host.clientWidth, 140), right = 12, top = 10 + (ylabel ? TEXT + 4 : 0), bottom = 40;
    const svg = add(host, "svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `${ylabel} against ${xlabel}` });
    const scale = log ? Math.log10 : (value) => value;
    const px = (value) => left + ((value - x[0]) / (x[1] - x[0])) * (width - left - right);
    const py = (value) => height - bottom - ((scale(value) - scale(y[0])) / (scale(y[1]) - scale(y[0]))) * (height - top - bottom);
    const across = ticks(x[0], x[1], Math.max(2, Math.floor(width / 90)));
    for (const value of whole ? across.filter(Number.isInteger) : across) {
      add(svg, "line", { class: "grid", x1: px(value), x2: px(value), y1: top, y2: height - bottom });
      add(svg, "text", { x: px(value), y: height - bottom + 16, "text-anchor": "middle" }, shown(value));
    }
    const values = !yticks ? [] : log ? logTicks(y[0], y[1]) : ticks(y[0], y[1], 5);
    for (const value of values) {
      add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: py(value), y2: py(value) });
      add(svg, "text", { x: left - 6, y: py(value) + 4, "text-anchor": "end" }, shown(value));
    }
    add(svg, "line", { class: "rule", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom });
    add(svg, "text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xlabel);
    if (ylabel) add(svg, "text", { x: 2, y: TEXT }, ylabel);
    return { svg, px, py, width, left, right, top, bottom };
  }

  const colour = (index) => `var(--c${index % 8})`;
  const line = (xs, ys, px, py) => xs.map((value, i) => `${i ? "L" : "M"}${px(value).toFixed(1)} ${py(ys[i]).toFixed(1)}`).join("");
  const pointer = (event, svg) => event.clientX - svg.getBoundingClientRect().left;

  function legend(host, entries) {
    host.replaceChildren();
    for (const [label, index] of entries) {
      const entry = add(host, "span");
      add(entry, "i", { class: "key", style: `background:${colour(index)}` });
      entry.append(label);
    }
  }

  function drawIntervals() {
    const ends = DATA.students.flatMap((student) => [...student.interval, ...student.mean]);
    const pad = 0.08 * (Math.max(...ends) - Math.min(...ends) || 1);
    const row = 40, height = 50 + row * DATA.students.length;
    const { svg, px } = axes(byId("intervals"), {
      x: [Math.min(...ends) - pad, Math.max(...ends) + pad], y: [0, 1], xlabel: `mean error (${DATA.unit})`, height, left: 8, yticks: false,
    });
    DATA.students.forEach((student, index) => {
      const y = 34 + row * index;
      add(svg, "text", { x: 8, y: y - 12 }, student.label);
      if (student.interval.length) add(svg, "line", { x1: px(student.interval[0]), x2: px(student.interval[1]), y1: y, y2: y, stroke: colour(index), "stroke-width": 3 });
      for (const value of student.mean) {
        add(svg, "circle", { cx: px(value), cy: y, r: 4.5, fill: "var(--page)", stroke: colour(index), "stroke-width": 1.8 });
      }
    });
  }

  function drawCdf() {
    const largest = Math.max(...DATA.students.map((student) => student.quantiles[198])) || 1;
    const { svg, px, py, width, left, right } = axes(byId("cdf"), {
      x: [0, largest], y: [0, 1], xlabel: `error (${DATA.unit})`, ylabel: "fraction of fingerprints with a smaller error", height: 320,
    });
    DATA.students.forEach((student, index) => {
      const levels = student.quantiles.slice(0, 199);
      const path = line(levels, levels.map((_, i) => i / 200), px, py);
      add(svg, "path", { class: "curve", d: path, stroke: colour(index), "stroke-dasharray": index % 2 ? "7 3" : "none" });
    });
    legend(byId("cdf-legend"), DATA.students.map((student, index) => [student.label, index]));
    const rule = add(svg, "line", { class: "rule", y1: py(0), y2: py(1), visibility: "hidden" });
    svg.addEventListener("pointermove", (event) => {
      const at = ((pointer(event, svg) - left) / (width - left - right)) * largest;
      if (at < 0 || at > largest) return;
      rule.setAttribute("x1", px(at));
      rule.setAttribute("x2", px(at));
      rule.setAttribute("visibility", "visible");
      const below = (student) => student.quantiles.filter((value) => value <= at).length / 2.01;
      say(event, DATA.students.map((student) => `${student.label}: ${below(student).toFixed(0)} % below ${at.toFixed(1)} ${DATA.unit}`).join("\n"));
    });
    svg.addEventListener("pointerleave", (event) => {
      rule.setAttribute("visibility", "hidden");
      say(event, "");
    });
  }

  function drawCurves() {
    const host = byId("curves");
    host.replaceChildren();
    for (const group of DATA.curves) {
      add(host, "h3", {}, group.title);
      legend(add(host, "div", { class: "legend" }), group.legend);
      const panels = add(host, "div", { class: "panels" });
      for (const term of group.terms) {
        const panel = add(panels, "div", { class: "panel" });
        add(panel, "h4", {}, term.label);
        drawCurve(add(panel, "div"), term);
      }
    }
  }

  function drawCurve(host, term) {
    const xs = term.lines.flatMap((curve) => curve.x), ys = term.lines.flatMap((curve) => curve.y);
    let low = Math.min(...ys), high = Math.max(...ys);
    const log = low > 0 && high > 30 * low;
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const { svg, px, py } = axes(host, { x: [Math.min(...xs) - 0.5, Math.max(...xs) + 0.5], y: [low, high], xlabel: "epoch", height: 190, log, whole: true });
    for (const curve of term.lines) {
      const path = add(svg, "path", { class: "curve", d: line(curve.x, curve.y, px, py), stroke: colour(curve.colour) });
      add(path, "title", {}, curve.label);
    }
    svg.addEventListener("pointermove", (event) => {
      const at = pointer(event, svg);
      const near = (curve) => curve.x.reduce((best, value, i) => (Math.abs(px(value) - at) < Math.abs(px(curve.x[best]) - at) ? i : best), 0);
      say(event, term.lines.slice(0, 8).map((curve) => `${curve.label}, epoch ${curve.x[near(curve)]}: ${shown(curve.y[near(curve)])}`).join("\n"));
    });
    svg.addEventListener("pointerleave", (event) => say(event, ""));
  }

  function drawPlanes() {
    const host = byId("planes");
    host.replaceChildren();
    for (const plane of DATA.planes) {
      const panel = add(host, "div", { class: "panel" });
      add(panel, "h4", {}, plane.title);
      const points = [...plane.real, ...plane.generated];
      const range = (axis) => {
        const values = points.map((point) => point[axis]), low = Math.min(...values), high = Math.max(...values);
        const pad = 0.05 * (high - low || 1);
        return [low - pad, high + pad];
      };
      const { svg, px, py } = axes(add(panel, "div"), { x: range(0), y: range(1), xlabel: plane.xlabel, ylabel: plane.ylabel, height: 280, left: 40 });
      [["generated", colour(0)], ["real", colour(1)]].forEach(([name, stroke]) => {
        const d = plane[name].map(([x, y]) => `M${px(x).toFixed(1)} ${py(y).toFixed(1)}h0`).join("");
        add(svg, "path", { class: "cloud", d, stroke, "stroke-width": 5, "stroke-linecap": "round", "stroke-opacity": 0.55 });
      });
      legend(add(panel, "div", { class: "legend" }), [["generated by the teacher", 0], ["real", 1]]);
    }
  }

  function drawAll() {
    drawCurves();
    if (!DATA.map) return;
    drawIntervals();
    drawCdf();
    drawPlanes();
    PAGE_MAP.draw();
  }

  // Of the table of all students the colour of each in the pictures.
  document.querySelectorAll("#figures .wide:first-of-type td:first-child").forEach((cell, index) => {
    cell.prepend(add(cell, "i", { class: "key", style: `background:${colour(index)}` }));
  });

  // A page of trainings that left no predictions has curves alone.
  const PAGE_MAP = DATA.map && makeMap(DATA, { byId, add, say, colour });
  drawAll();
  let width = innerWidth, waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  });
})();
