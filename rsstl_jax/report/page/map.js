// The map: zoom by wheel and buttons, moved by dragging; the nearest pair of positions is named.
function makeMap(data, { byId, add, say, colour }) {
  const map = data.map, host = byId("map"), NEAR = 16;
  const view = { zoom: 1, x: 0, y: 0 };
  let svg, world, mark, rows, centre, pixels, width, height;
  const scale = () => pixels * view.zoom;
  const choice = (id) => byId(id).value;

  function fill(id, names, labels = names) {
    names.forEach((name, i) => add(byId(id), "option", { value: name }, labels[i]));
    byId(id).closest("label").hidden = names.length < 2;
    byId(id).addEventListener("change", () => { drawPairs(); say({}, ""); });
  }

  function predicted() {
    return map.predicted[choice("map-seed")][choice("map-student")];
  }

  function drawPairs() {
    const index = data.students.findIndex((student) => student.name === choice("map-student")), found = predicted();
    rows = map.x.map((_, row) => row).filter((row) => choice("map-floor") === "all" || String(map.floor[row]) === choice("map-floor"));
    const points = (xs, ys) => rows.map((row) => `M${xs[row]} ${ys[row]}h0`).join("");
    const pairs = rows.map((row) => `M${map.x[row]} ${map.y[row]}L${found.x[row]} ${found.y[row]}`).join("");
    const dot = rows.length > 1500 ? 3.5 : 6;
    world.replaceChildren();
    const common = { fill: "none", "vector-effect": "non-scaling-stroke", "stroke-linecap": "round" };
    add(world, "path", { ...common, d: pairs, stroke: "var(--soft)", "stroke-width": rows.length > 1500 ? 0.6 : 1.1, "stroke-opacity": 0.7 });
    add(world, "path", { ...common, class: "predicted", d: points(found.x, found.y), stroke: colour(index), "stroke-width": dot });
    add(world, "path", { ...common, class: "true", d: points(map.x, map.y), stroke: "var(--true)", "stroke-width": 0.7 * dot });
    mark = add(world, "g");
    document.querySelector(".dot.predicted").style.background = colour(index);
    const [west, south, east, north] = map.extent;
    const outside = rows.filter((row) => found.x[row] < west || found.x[row] > east || found.y[row] < south || found.y[row] > north).length;
    byId("map-note").textContent = `${rows.length} fingerprints. ` + (outside ? `${outside} predicted positions lie outside the site's extent; zoom out to see them. ` : "")
      + "Zoom by wheel or buttons, drag to move, point at a position to read its error.";
    place();
  }

  function place() {
    const s = scale();
    world.setAttribute("transform", `translate(${width / 2 - s * (centre.x + view.x)} ${height / 2 + s * (centre.y + view.y)}) scale(${s} ${-s})`);
    svg.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    const length = 10 ** Math.floor(Math.log10(width / 3 / s));
    const bar = [5, 2, 1].map((factor) => factor * length).find((size) => size * s < width / 3) || length;
    svg.querySelector(".bar").setAttribute("d", `M12 ${height - 12}h${bar * s}`);
    svg.querySelector(".bar-text").textContent = `${bar} ${data.unit}`;
  }

  function zoom(factor, at = { x: width / 2, y: height / 2 }) {
    const next = Math.min(200, Math.max(0.05, view.zoom * factor)), before = scale();
    view.zoom = next;
    const shift = 1 / before - 1 / scale();
    view.x += (at.x - width / 2) * shift;
    view.y -= (at.y - height / 2) * shift;
    place();
  }

  function local(event) {
    const box = svg.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function nearest(at) {
    const s = scale(), found = predicted();
    const x = (at.x - width / 2) / s + centre.x + view.x, y = (height / 2 - at.y) / s + centre.y + view.y;
    let best = -1, least = NEAR / s;
    for (const row of rows) {
      const apart = Math.min(Math.hypot(map.x[row] - x, map.y[row] - y), Math.hypot(found.x[row] - x, found.y[row] - y));
      if (apart < least) [best, least] = [row, apart];
    }
    return best;
  }

  function point(event) {
    const row = nearest(local(event)), found = predicted();
    mark.replaceChildren();
    if (row < 0) return say(event, "");
    const common = { fill: "none", stroke: "var(--text)", "stroke-width": 2, "vector-effect": "non-scaling-stroke" };
    add(mark, "path", { ...common, d: `M${map.x[row]} ${map.y[row]}L${found.x[row]} ${found.y[row]}` });
    if (found.radius?.[row]) add(mark, "circle", { ...common, "stroke-width": 1.2, cx: found.x[row], cy: found.y[row], r: found.radius[row] });
    const shown = (x, y) => `(${(x + map.origin[0]).toFixed(1)}, ${(y + map.origin[1]).toFixed(1)})`;
    return say(event, [
      `error ${found.error[row].toFixed(2)} ${data.unit}`,
      ...(found.radius?.[row] ? [`radius ${found.radius[row].toFixed(2)} ${data.unit}`] : []),
      ...(map.floor ? [`true floor ${map.floor[row]}`] : []),
      `true ${shown(map.x[row], map.y[row])}`,
      `predicted ${shown(found.x[row], found.y[row])}`,
      `row ${map.row[row]}`,
    ].join("\n"));
  }

  function draw() {
    const [west, south, east, north] = map.extent;
    host.replaceChildren();
    width = Math.max(host.clientWidth, 200);
    pixels = width / (east - west);
    height = Math.round(Math.min(Math.max(pixels * (north - south), 220), 0.75 * Math.max(innerHeight, 480)));
    pixels = Math.min(pixels, height / (north - south));
    centre = { x: (west + east) / 2, y: (south + north) / 2 };
    svg = add(host, "svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": "map of true and predicted positions" });
    world = add(svg, "g");
    add(svg, "path", { class: "bar", stroke: "var(--text)", "stroke-width": 3 });
    add(svg, "text", { class: "bar-text", x: 12, y: height - 20 });
    listen();
    drawPairs();
  }

  function listen() {
    let from = null;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(-0.0015 * event.deltaY), local(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => { from = { ...local(event), id: event.pointerId }; point(event); });
    svg.addEventListener("pointermove", (event) => {
      if (!from) return point(event);
      const at = local(event);
      view.x -= (at.x - from.x) / scale();
      view.y += (at.y - from.y) / scale();
      from = { ...at, id: from.id };
      svg.classList.add("moving");
      return place();
    });
    const stop = () => { from = null; svg.classList.remove("moving"); };
    svg.addEventListener("pointerup", stop);
    svg.addEventListener("pointercancel", stop);
    svg.addEventListener("pointerleave", (event) => { stop(); mark.replaceChildren(); say(event, ""); });
  }

  fill("map-student", data.students.map((student) => student.name), data.students.map((student) => student.label));
  byId("map-student").value = data.students.some((student) => student.name === "distilled") ? "distilled" : data.students[0].name;
  fill("map-seed", Object.keys(map.predicted));
  const floors = map.floor ? [...new Set(map.floor)].sort((a, b) => b - a) : [];
  fill("map-floor", ["all", ...(floors.length > 1 ? floors.map(String) : [])]);
  if (floors.length > 1) {
    const count = (floor) => map.floor.filter((other) => other === floor).length;
    byId("map-floor").value = floors.reduce((best, floor) => (count(floor) > count(best) ? floor : best));
  }
  byId("zoom-in").addEventListener("click", () => zoom(1.6));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 1.6));
  byId("zoom-all").addEventListener("click", () => { Object.assign(view, { zoom: 1, x: 0, y: 0 }); place(); });
  return { draw };
}
