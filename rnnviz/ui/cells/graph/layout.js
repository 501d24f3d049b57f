/* Where everything stands on the unrolled graph: one column per step, from left to right; in a column the input at the
 * bottom, the cell's boxes, from what enters on the left to the hidden state on the right, one band per layer, and above
 * them scores, probabilities and loss. Lengths are in the drawing's own units.
 */

const CELL = { width: 48, height: 24 };
const LABEL = 17; // room for a box's name above it
const ACROSS = 24; // between two boxes of a cell
const BETWEEN_STEPS = 58;
const BETWEEN_ROWS = 21; // of scores, probabilities, losses
const UNDER_BAND = 30; // room for the edges that come from below
const BETWEEN_BANDS = 46; // of layers, with room for the edges from one to the next
const EDGE = 12;

/* signal: [column, row] within a cell; rows may lie between two others. */
const GRIDS = {
  rnn: { a: [0, 0], h: [1, 0] },
  lstm: {
    a_f: [0, 0], a_i: [0, 1], a_g: [0, 2], a_o: [0, 3],
    f: [1, 0], i: [1, 1], g: [1, 2], o: [1, 3],
    c: [2, 0.5], m: [2, 2], h: [3, 2.5],
  },
  peephole: {
    a_f: [0, 0], a_i: [0, 1], a_g: [0, 2],
    f: [1, 0], i: [1, 1], g: [1, 2],
    c: [2, 0.5], a_o: [2, 3], m: [3, 1.5], o: [3, 3], h: [4, 2.25],
  },
  gru: {
    a_z: [0, 0], a_r: [0, 1], s: [0, 2],
    z: [1, 0], r: [1, 1], a_n: [2, 1.5], n: [3, 1.5], h: [4, 0.75],
  },
};

/* Signals in a row of their own, whose units stand side by side. */
const LYING = new Set(["x", "logits", "p", "y", "e", "L", "l", "loss"]);

/* Return { width, height, boxes }: for every box of the data { x, y, lying, width, height }, or null for one that is not drawn. */
function layOut(data) {
  const grid = GRIDS[data.cell];
  const columns = 1 + Math.max(...Object.values(grid).map(([column]) => column));
  const rows = 1 + Math.max(...Object.values(grid).map(([, row]) => row));
  const stack = data.units * CELL.height;
  const band = rows * (stack + LABEL);
  const columnWidth = columns * CELL.width + (columns - 1) * ACROSS;
  const pitch = columnWidth + BETWEEN_STEPS;
  const features = data.boxes.find((box) => box.signal === "x").nodes.length;
  const left = Math.max(EDGE + CELL.width + BETWEEN_STEPS, features * CELL.width + EDGE);
  const has = (signal) => data.boxes.some((box) => box.signal === signal);
  const squared = has("e");

  // Rows from the top down.
  let y = EDGE;
  const top = {};
  for (const signal of squared ? ["loss", "l", "e", "y", "logits"] : ["loss", "l", "p", "logits"]) {
    top[signal] = y;
    y += CELL.height + (signal === "y" ? 0 : BETWEEN_ROWS);
  }
  y += UNDER_BAND - BETWEEN_ROWS;
  const bands = [];
  const buses = []; // the height at which edges from the layer below go to the left
  for (let layer = data.layers - 1; layer >= 0; layer--) {
    bands[layer] = y + LABEL;
    y += band + (layer ? BETWEEN_BANDS : UNDER_BAND);
    buses[layer] = y - 25;
  }
  top.x = y;

  const places = data.boxes.map((box) => {
    const { layer, step } = box;
    const count = box.nodes.length;
    if (squared && box.signal === "p") return null; // no probabilities where nothing asks for them
    const start = left + (step ?? data.steps - 1) * pitch;
    if (box.signal in top) {
      const width = count * CELL.width;
      const right = start + columnWidth;
      const x = box.signal === "x" ? start + 14 - width : right - width;
      return { x, y: top[box.signal], lying: true, width, height: CELL.height };
    }
    const [column, row] = grid[box.signal];
    const before = step < 0; // an initial state stands at the left edge
    const x = before ? left - BETWEEN_STEPS - CELL.width : start + column * (CELL.width + ACROSS);
    return { x, y: bands[layer] + row * (stack + LABEL), lying: false, width: CELL.width, height: count * CELL.height };
  });
  return {
    width: left + (data.steps - 1) * pitch + columnWidth + EDGE + 8,
    height: top.x + CELL.height + EDGE,
    boxes: places,
    buses,
  };
}

/* Return where unit k of a box stands. */
function unitAt(place, k) {
  return place.lying ? { x: place.x + k * CELL.width, y: place.y } : { x: place.x, y: place.y + k * CELL.height };
}

/* Return the path of an edge between two units: out of a standing box to the right, into it from the left; out of a
 * lying box upwards, into it from below. */
function edgePath(from, i, to, j) {
  const a = unitAt(from, i);
  const b = unitAt(to, j);
  const [x1, y1] = from.lying ? [a.x + CELL.width / 2, a.y] : [a.x + CELL.width, a.y + CELL.height / 2];
  const [x2, y2] = to.lying ? [b.x + CELL.width / 2, b.y + CELL.height] : [b.x, b.y + CELL.height / 2];
  if (from.lying && to.lying && Math.abs(x2 - x1) > 3 * CELL.width) { // a step's loss, and the mean of all at the end
    const level = y2 + BETWEEN_ROWS / 2;
    return `M${x1},${y1}C${x1},${level} ${x1},${level} ${x1 + 16},${level}L${x2 - 16},${level}C${x2},${level} ${x2},${level} ${x2},${y2}`;
  }
  const reach = Math.min(Math.max(Math.hypot(x2 - x1, y2 - y1) * 0.45, 10), 90);
  const out = from.lying ? [x1, y1 - reach] : [x1 + reach, y1];
  const into = to.lying ? [x2, y2 + reach] : [x2 - reach, y2];
  return `M${x1},${y1}C${out.join()} ${into.join()} ${x2},${y2}`;
}

/* Return the path of an edge from a hidden state to the layer above: up, to the left between the layers, up again. */
function risingPath(from, i, to, j, bus) {
  const x1 = from.x + (CELL.width * (i + 1)) / (from.height / CELL.height + 1);
  const [x2, y2] = [to.x, unitAt(to, j).y + CELL.height / 2];
  const level = bus - 3 * i;
  const turn = x2 - 16 - 3 * i;
  return `M${x1},${from.y}C${x1},${level} ${x1},${level} ${x1 - 18},${level}L${turn + 14},${level}C${turn},${level} ${turn},${y2} ${x2},${y2}`;
}
