/* How numbers and symbols are written. */

const MINUS = "−";

/* A number where there is room: four digits after the point, or a power of ten. */
function long(value) {
  return written(value, 1e-3, 4);
}

/* A number in a unit of the graph. */
function brief(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 0.005 && Math.abs(value) < 99.95)
    return value.toFixed(Math.abs(value) >= 9.995 ? 1 : 2).replace("-", MINUS);
  const [digits, power] = value.toExponential(0).split("e");
  return `${digits}e${+power}`.replaceAll("-", MINUS);
}

function written(value, least, digits) {
  if (value === 0) return "0";
  if (Math.abs(value) >= least && Math.abs(value) < 1e4) return `${+value.toFixed(digits)}`.replace("-", MINUS);
  const [mantissa, power] = value.toExponential(2).split("e");
  return `${mantissa.replace("-", MINUS)}·10<sup>${power.replace("+", "").replace("-", MINUS)}</sup>`;
}

/* A factor in a product: a negative number stands in brackets unless it comes first. */
const inner = (value, first) => (value < 0 && !first ? `(${long(value)})` : long(value));

/* The symbol of a node as HTML. */
function symbolOf(node) {
  const letter = node.letter === "tanh c" ? 'tanh <i>c</i>' : node.letter.length > 1 ? node.letter : `<i>${node.letter}</i>`;
  const above = node.above ? `<sup>${node.above}</sup>` : "";
  return `${letter}${node.below ? `<sub>${node.below}</sub>` : ""}${above}${node.index ? `[${node.index}]` : ""}`;
}

/* The same for those who hear it. */
function spokenSymbol(node) {
  return [node.letter, node.below, node.above, node.index && `[${node.index}]`].filter(Boolean).join(" ");
}

/* The colour of a value on one of style.py's scales. */
function colourOn(scale, low, high, value) {
  const at = Math.min(Math.max((value - low) / (high - low), 0), 1);
  const next = Math.max(1, scale.findIndex(([place]) => place >= at));
  const [[p0, c0], [p1, c1]] = [scale[next - 1], scale[next]];
  const share = p1 > p0 ? (at - p0) / (p1 - p0) : 0;
  const mixed = [1, 3, 5].map((k) => {
    const [from, to] = [c0, c1].map((colour) => parseInt(colour.slice(k, k + 2), 16));
    return Math.round(from + share * (to - from));
  });
  return { fill: `rgb(${mixed.join()})`, ink: 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2] > 140 ? "#16171A" : "#FFFFFF" };
}
