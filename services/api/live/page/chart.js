// A small line chart as SVG: its last value is told in words, its course by the line.

import { svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 44;

// points: [[x, y | null], …] in the order of x; options: label, kind (a CSS class), most: what the scale from 0 reaches at
// the least, without which it is that of the values.
export function chart(points, { label, kind, most = null }) {
  const known = points.filter(([, y]) => y !== null);
  const ys = known.map(([, y]) => y);
  const low = most === null ? Math.min(...ys) : 0;
  const high = Math.max(...ys, most ?? -Infinity);
  const first = points[0]?.[0] ?? 0;
  const length = (points.at(-1)?.[0] ?? 0) - first || 1;
  const place = ([x, y]) => {
    const across = ((x - first) / length) * WIDTH;
    const down = HEIGHT - 2 - ((y - low) / (high - low || 1)) * (HEIGHT - 4);
    return `${across.toFixed(1)},${down.toFixed(1)}`;
  };
  const drawing = svg("svg", {
    class: `chart ${kind}`,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": label,
  });
  for (const run of runs(points)) {
    const line = run.map(place).join(" ");
    const [start, end] = [place(run[0]).split(",")[0], place(run.at(-1)).split(",")[0]];
    drawing.append(
      svg("polygon", { points: `${start},${HEIGHT} ${line} ${end},${HEIGHT}` }),
      svg("polyline", { points: line, "vector-effect": "non-scaling-stroke" }),
    );
  }
  return drawing;
}

// The stretches without an unknown value between them.
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point[1] === null) found.push([]);
    else found.at(-1).push(point);
  }
  return found.filter((run) => run.length > 0);
}
