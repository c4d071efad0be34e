// Stacked areas over time, drawn as SVG. Nothing here knows what is drawn.
"use strict";

const svgNames = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...children) {
  const e = document.createElementNS(svgNames, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

function element(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

// nice is the next round number, so that an axis is easy to read.
function nice(value) {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(m => m * unit).find(m => m >= value);
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// drawStack draws layers, each {name, values}, over times.
function drawStack(figure, times, layers, format, span, now) {
  const width = Math.max(260, figure.clientWidth), height = 150, left = 52, right = 6, top = 8, bottom = 20;
  const sums = times.map((_, i) => layers.reduce((sum, l) => sum + l.values[i], 0));
  const most = nice(Math.max(0, ...sums));
  const x = t => left + (width - left - right) * (1 - (now - t) / span);
  const y = v => height - bottom - (height - top - bottom) * v / most;
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.querySelector("figcaption").textContent });
  for (const share of [0, 0.5, 1]) {
    chart.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(most * share), y2: y(most * share) }),
      svg("text", { x: left - 6, y: y(most * share) + 4, "text-anchor": "end" }, format(most * share)));
  }
  for (const share of [0, 0.5, 1]) {
    chart.append(svg("text", { x: left + (width - left - right) * share, y: height - 5, "text-anchor": ["start", "middle", "end"][share * 2] },
      clock(now - span * (1 - share))));
  }
  let below = times.map(() => 0);
  layers.forEach((layer, n) => {
    const above = below.map((v, i) => v + layer.values[i]);
    const up = times.map((t, i) => `${x(t).toFixed(1)},${y(above[i]).toFixed(1)}`);
    const down = times.map((t, i) => `${x(t).toFixed(1)},${y(below[i]).toFixed(1)}`).reverse();
    const area = svg("polygon", { class: `area f${n % 6}`, points: up.concat(down).join(" ") });
    area.append(svg("title", {}, layer.name));
    chart.append(area);
    below = above;
  });
  const legend = element("div", "legend", ...layers.map((l, n) => element("span", "", element("i", `f${n % 6}`), l.name)));
  figure.replaceChildren(figure.querySelector("figcaption"), chart, legend);
}
