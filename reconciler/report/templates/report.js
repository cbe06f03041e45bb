"use strict";
// Shows what the page's own JSON tells. Everything becomes text by textContent: no name is ever read as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const states = Object.keys(data.states);
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  const STEP = 200; // rows that one look takes
  const MOST_TILES = 400; // past this a tile is smaller than a finger, and layout takes longer than a frame
  const HEADING = 20; // pixels
  const view = { text: "", only: new Set(), column: "", down: false, limit: STEP };

  // The words of reconciler.quantities.
  function humanSize(size) {
    let value = size, unit = 0;
    while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
    return unit ? `${value.toFixed(1)} ${UNITS[unit]}` : `${size} B`;
  }
  const grouped = (number) => number.toLocaleString("en-US");
  const bytes = (size) => `${grouped(size)} byte${size === 1 ? "" : "s"}`;
  const bothSizes = (size) => (size >= 1024 ? `${humanSize(size)} (${bytes(size)})` : bytes(size));
  const models = (count) => `${grouped(count)} model${count === 1 ? "" : "s"}`;
  const sum = (rows) => rows.reduce((total, row) => total + row.adds, 0);
  const measured = (rows) => `${models(rows.length)}, ${bothSizes(sum(rows))}`;

  function element(tag, { text, ...properties } = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    if (text !== undefined) made.textContent = text;
    made.append(...children);
    return made;
  }
  const byId = (id) => document.getElementById(id);
  const pill = (state) => element("span", { className: `pill ${state}`, text: data.states[state] });

  // --- the table -------------------------------------------------------------------------------------------------

  const found = (row) =>
    (!view.only.size || view.only.has(row.state)) &&
    (!view.text || [row.name, row.why, row.place].some((cell) => cell.toLowerCase().includes(view.text)));

  const CELLS = {
    status: (row) => element("td", {}, pill(row.state)),
    size: (row) =>
      element("td", { className: "number", text: row.size === null ? "-" : humanSize(row.size), title: row.size === null ? "no file" : bytes(row.size) }),
    name: (row) => element("td", { className: "name", text: row.name }),
    why: (row) => element("td", { text: row.why }),
    place: (row) => element("td", { className: "place", text: row.place }),
  };
  const KEYS = {
    status: (row) => states.indexOf(row.state),
    size: (row) => (row.size === null ? -1 : row.size),
  };

  function chosen() {
    const rows = data.models.filter(found);
    const key = KEYS[view.column] || ((row) => row[view.column]);
    if (view.column) rows.sort((a, b) => d3[view.down ? "descending" : "ascending"](key(a), key(b)));
    return rows;
  }

  function showTable() {
    const rows = chosen();
    const cells = data.columns.map(([column]) => CELLS[column]);
    document.querySelector("#models tbody").replaceChildren(
      ...rows.slice(0, view.limit).map((row) => element("tr", {}, ...cells.map((cell) => cell(row)))),
    );
    const of = rows.length === data.models.length ? "" : `; ${models(data.models.length)} in all`;
    byId("shown").textContent = measured(rows) + of;
    const left = rows.length - view.limit;
    byId("more").hidden = left <= 0;
    byId("more").textContent = `Show ${grouped(Math.min(left, STEP))} more; ${grouped(left)} are not shown`;
    for (const tile of document.querySelectorAll(".tile")) tile.classList.toggle("other", !tile.rows.some(found));
  }

  function changed(change) {
    Object.assign(view, { limit: STEP }, change);
    showTable();
  }

  function look(text) {
    byId("filter").value = text;
    changed({ text: text.toLowerCase(), only: new Set() });
    for (const button of byId("states").children) button.setAttribute("aria-pressed", "false");
    byId("filter").focus();
  }

  function heading([column, title]) {
    const button = element("button", { type: "button", text: title });
    const head = element("th", { scope: "col", className: column === "size" ? "number" : "" }, button);
    button.addEventListener("click", () => {
      // The first click shows what matters first: the largest, or the beginning of the alphabet.
      const down = view.column === column ? !view.down : column === "size";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      changed({ column, down });
    });
    return head;
  }

  function stateButton(state) {
    const rows = data.models.filter((row) => row.state === state);
    const button = element("button", { type: "button" }, pill(state), `${grouped(rows.length)} · ${humanSize(sum(rows))}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const only = new Set(view.only);
      if (!only.delete(state)) only.add(state);
      button.setAttribute("aria-pressed", String(only.has(state)));
      changed({ only });
    });
    return button;
  }

  // --- the treemap -----------------------------------------------------------------------------------------------

  // What is too small for a tile of its own shares one for its state.
  function tiled() {
    const sized = data.models.filter((row) => row.adds > 0).sort((a, b) => b.adds - a.adds);
    const groups = new Map(states.map((state) => [state, []]));
    for (const row of sized.slice(0, MOST_TILES)) groups.get(row.state).push({ state: row.state, rows: [row] });
    for (const [state, rows] of d3.group(sized.slice(MOST_TILES), (row) => row.state)) groups.get(state).push({ state, rows });
    return [...groups].filter(([, tiles]) => tiles.length).map(([state, tiles]) => ({ state, tiles }));
  }

  const title = (tile) => (tile.rows.length === 1 ? tile.rows[0].name : `${models(tile.rows.length)}, each smaller`);

  function told(tile) {
    const why = tile.rows.length === 1 && tile.rows[0].why;
    return `${data.states[tile.state]}: ${title(tile)}, ${bothSizes(sum(tile.rows))}${why ? `; ${why}` : ""}`;
  }

  function place(node, made) {
    const width = node.x1 - node.x0, height = node.y1 - node.y0;
    Object.assign(made.style, { left: `${node.x0}px`, top: `${node.y0}px`, width: `${width}px`, height: `${height}px` });
    return { width, height };
  }

  function tileOf(node) {
    const tile = node.data;
    const made = element("button", { type: "button", className: `tile ${tile.state}`, tabIndex: -1 });
    made.append(element("span", { text: title(tile) }), element("small", { text: humanSize(sum(tile.rows)) }));
    made.setAttribute("aria-label", told(tile));
    made.rows = tile.rows;
    const { width, height } = place(node, made);
    made.classList.toggle("small", width < 56 || height < 22);
    made.classList.toggle("flat", height < 42);
    made.addEventListener("focus", () => { byId("tile").textContent = told(tile); });
    made.addEventListener("mouseenter", () => { byId("tile").textContent = told(tile); });
    made.addEventListener("click", () => { if (tile.rows.length === 1) look(title(tile)); });
    return made;
  }

  // A group too small for its name goes without; its colour is in the buttons below.
  function titled(node) {
    node.titled = node.depth === 1 && node.x1 - node.x0 >= 90 && node.y1 - node.y0 >= 3 * HEADING;
    return node.titled;
  }

  function groupOf(node) {
    const rows = node.data.tiles.flatMap((tile) => tile.rows);
    const made = element("div", { className: "group", text: `${data.states[node.data.state]} · ${humanSize(sum(rows))}` });
    place({ x0: node.x0, x1: node.x1, y0: node.y0, y1: node.y0 + HEADING }, made);
    return made;
  }

  function showTreemap() {
    const box = byId("treemap");
    const groups = tiled();
    const unsized = data.models.filter((row) => row.adds === 0).length;
    const hidden = unsized ? ` ${models(unsized)} without bytes to show: in the table only.` : "";
    byId("tile").textContent = data.models.length ? `Point at a tile, or use the arrow keys.${hidden}` : "No models.";
    box.hidden = !groups.length;
    if (box.hidden) return;
    const root = d3.hierarchy({ tiles: groups }, (node) => node.tiles).sum((node) => (node.rows ? sum(node.rows) : 0));
    root.sort((a, b) => b.value - a.value);
    d3.treemap().size([box.clientWidth, box.clientHeight]).paddingInner(2).paddingTop((node) => (titled(node) ? HEADING : 0)).round(true)(root);
    box.replaceChildren(...root.children.filter((node) => node.titled).map(groupOf), ...root.leaves().map(tileOf));
    box.querySelector(".tile").tabIndex = 0;
  }

  const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

  // One stop of the Tab key for all tiles; the arrow keys move among them, the largest first.
  function move(event) {
    const tiles = [...document.querySelectorAll(".tile")];
    const now = tiles.indexOf(event.target);
    if (now < 0 || !(event.key in MOVES)) return;
    event.preventDefault();
    const next = tiles[Math.max(0, Math.min(tiles.length - 1, now + MOVES[event.key]))];
    tiles[now].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  // --- bytes over time -------------------------------------------------------------------------------------------

  function byteTicks(most) {
    const unit = 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(most, 1)) / 10));
    return d3.ticks(0, most / unit, 4).map((tick) => tick * unit);
  }

  function showTimeline() {
    const box = byId("timeline");
    if (!box) return;
    let total = 0;
    const points = data.runs.map((run) => ({ ...run, when: new Date(run.at * 1000), total: (total += run.freed) }));
    const width = box.clientWidth, height = 190, left = 70, right = 16, top = 10, bottom = 26;
    const [first, last] = d3.extent(points, (point) => point.when);
    const pad = last - first ? 0 : 3600e3; // a single run stands in the middle of two hours
    const x = d3.scaleUtc([new Date(+first - pad), new Date(+last + pad)], [left + 8, width - right]);
    const most = Math.max(1, d3.max(points, (point) => point.total));
    const y = d3.scaleLinear([0, most], [height - bottom, top]);
    const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("role", "img");
    svg.attr("aria-label", `${bothSizes(total)} came free in ${points.length} run${points.length === 1 ? "" : "s"}; the table below has each`);
    svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(Math.max(2, width / 130)).tickSizeOuter(0));
    const sizes = d3.axisLeft(y).tickValues(byteTicks(most)).tickFormat(humanSize).tickSize(left + right - width);
    svg.append("g").attr("transform", `translate(${left},0)`).call(sizes).select(".domain").remove();
    const area = d3.area().x((point) => x(point.when)).y0(y(0)).y1((point) => y(point.total)).curve(d3.curveStepAfter);
    svg.append("path").attr("class", "area").attr("d", area(points));
    svg.append("path").attr("class", "total").attr("d", area.lineY1()(points));
    const dots = svg.append("g").selectAll("circle").data(points).join("circle");
    dots.attr("r", 5).classed("idle", (point) => !point.freed).attr("cx", (point) => x(point.when)).attr("cy", (point) => y(point.total));
    dots.append("title").text((point) => `${point.run}, ${point.kind}: ${bytes(point.freed)} freed, ${bytes(point.total)} in all`);
    box.replaceChildren(svg.node());
  }

  // --- all together ----------------------------------------------------------------------------------------------

  function draw() {
    showTreemap();
    showTimeline();
  }

  const present = new Set(data.models.map((row) => row.state));
  byId("states").append(...states.filter((state) => present.has(state)).map(stateButton));
  document.querySelector("#models thead tr").append(...data.columns.map(heading));
  byId("filter").addEventListener("input", (event) => changed({ text: event.target.value.trim().toLowerCase() }));
  byId("more").addEventListener("click", () => { view.limit += STEP; showTable(); });
  byId("treemap").addEventListener("keydown", move);
  draw();
  showTable();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone's address bar comes and goes
    width = innerWidth;
    draw();
    showTable();
  });
})();
