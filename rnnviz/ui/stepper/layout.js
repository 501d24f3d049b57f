/* Where the columns of the reading figure stand: pure functions of width, height and what is to be shown.
 *
 * A column stands in a slot. Columns with one role have one slot, so that they stand under one another where several
 * networks do: an LSTM's forget gate f and a GRU's update gate z, which both keep the old, are in slot "f".
 */

const SLOTS = ["x", "h", "i", "f", "g", "o", "c", "probs", "norms"]; // from left to right

/* What lies around the rows of a figure, in px. between: two bands; around: the figure of a page that is to be seen
 * whole; least: a row's height. */
const ALONE = { left: 36, right: 8, top: 34, bottom: 64, between: 74, around: 440, least: 8 };
/* The same for several under one another, which are to be seen at once. shared: of a figure whose titles and heading
 * share a line; inner: below the rows where the ticks stand below a later figure; spare: below the last one. */
const TOGETHER = { left: 36, right: 8, top: 20, bottom: 22, between: 46, shared: 23, inner: 6, spare: 2, least: 4 };
const CROWD = 4; // so many figures may have lower rows

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);

/* The slots that some sheet fills, in their order, each with the most cells that a column in it has. */
function slotsOf(sheets) {
  const columns = sheets.flatMap((sheet) => sheet.columns);
  return SLOTS.map((slot) => ({ slot, columns: columns.filter((c) => c.slot === slot) }))
    .filter(({ columns }) => columns.length)
    .map(({ slot, columns }) => ({ slot, kind: columns[0].kind, cells: Math.max(...columns.map((c) => c.cells)) }));
}

/* Bands of [slot, width in px], the height of a row, the gap between columns, and the margins, in px. The digit's
 * pixels are square. count: of the figures that stand under one another, all with the same columns; free: what height
 * there is for the rows of all of them, given the number of bands. */
function plan(width, slots, rows, count, enlarged, free) {
  const margin = count > 1 ? TOGETHER : ALONE;
  const room = width - margin.left - margin.right;
  const gap = room > 1100 ? 14 : room > 500 ? 11 : 8;
  const states = slots.filter((c) => c.kind === "state");
  const units = Math.max(...states.map((c) => c.cells));
  const digit = slots.find((c) => c.kind === "digit").cells; // its width in rows
  // Blank rows after the digit make a long figure, whose end should be in sight.
  const least = count >= CROWD ? margin.least - 1 : rows > 40 ? Math.min(margin.least, 5) : margin.least;
  const probs = room > 1100 ? 130 : count > 1 && room > 800 ? 112 : room > 500 ? 100 : 0;
  const tallest = (bands, least) => clamp(Math.floor(free(bands) / (rows * bands * count)), least, 13);
  const made = (row, ...bands) => ({ row, gap, margin, bands });

  if (enlarged && !probs) {
    const row = count > 1 ? 5 : 8;
    const side = digit * row;
    return made(row, [["x", side], ["probs", room - side - gap]], [[enlarged, room]]);
  }
  if (enlarged) {
    const row = Math.min(tallest(1, least), Math.floor((room * 0.34) / digit));
    const side = digit * row;
    return made(row, [["x", side], [enlarged, room - side - probs - 2 * gap], ["probs", probs]]);
  }

  // One band, the cells as wide as they can be, then the rows as tall as they can be. Figures under one another stay
  // in one band while their columns can be told apart.
  const widths = count > 1 ? [4, 3, 2, 1.5, 1.25, 1, 0.75, 0.625, 0.5, 0.375].filter((cell) => units * cell >= 40) : [4, 3, 2, 1.5, 1];
  for (const cell of widths) {
    const high = tallest(1, least);
    for (let row = high; row >= Math.min(high, margin.least) && probs; row--) {
      const used = digit * row + states.length * units * cell + probs + (states.length + 2) * gap;
      const left = room - used;
      // Rather wider lines than a taller digit; and over lines that stand under one another their names, too.
      if (left < (row > 10 ? 180 : count > 1 && units * cell > 64 ? 205 : 105)) continue;
      const norms = Math.min(left, 340);
      return made(row, [["x", digit * row], ...states.map((c) => [c.slot, units * cell]), ["probs", probs], ["norms", norms]]);
    }
  }

  // Two bands: what goes in and comes out above, the gates below.
  const [first, ...others] = states;
  const cellFor = (count, space) =>
    [3, 2, 1.5, 1, 0.75, 0.5, 0.375, 0.25].find((c) => count * units * c + (count - 1) * gap <= space) || 0.2;
  if (count > 1) {
    const row = tallest(2, least);
    const side = digit * row;
    const answers = probs || 112;
    const gate = others.length && units * cellFor(others.length, room * 0.6 - gap);
    const norms = room - others.length * (gate + gap);
    const state = units * cellFor(1, room - side - answers - 2 * gap);
    return made(row, [["x", side], [first.slot, state], ["probs", answers]], [...others.map((c) => [c.slot, gate]), ["norms", norms]]);
  }
  const lower = others.length ? [others.map((c) => [c.slot, units * cellFor(others.length, room)])] : [];
  const bandCount = 1 + lower.length;
  if (probs) {
    for (const cell of [1.5, 1, 0.75, 0.5]) {
      for (let row = tallest(bandCount, 7); row >= 6; row--) {
        const norms = room - digit * row - units * cell - probs - 3 * gap;
        if (norms < 110) continue;
        return made(row, [["x", digit * row], [first.slot, units * cell], ["probs", probs], ["norms", norms]], ...lower);
      }
    }
  }

  // Three bands: a phone.
  const row = room < 330 ? 6 : 7;
  const side = digit * row;
  const half = Math.floor((room - gap) * 0.42);
  return made(row, [["x", side], ["probs", room - side - gap]], [[first.slot, half], ["norms", room - half - gap]], ...lower);
}

/* Where each slot of a plan stands: its left edge, its width, its band. */
function placesOf({ bands, gap }) {
  const places = new Map();
  bands.forEach((slots, band) => {
    let x = 0;
    for (const [slot, w] of slots) {
      places.set(slot, { x, w, band });
      x += w + gap;
    }
  });
  return places;
}

/* The longest of the given titles that fits, measured in the figure's font. */
const ruler = document.createElement("canvas").getContext("2d");
function fitting(titles, width, font) {
  return titles.find((title) => widthOf(title, font) <= width) ?? titles[titles.length - 1];
}

function widthOf(text, font) {
  ruler.font = font;
  return ruler.measureText(text).width;
}
