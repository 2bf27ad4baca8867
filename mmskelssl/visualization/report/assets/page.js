/* Draws a report from its data; whatever stands for a clip calls play() with it. */
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const LINES = ['var(--accent)', 'var(--wrong)', 'var(--right)', '#9467bd', '#8c564b', '#e377c2'];
  const NAMED_CLASSES = 30;

  /* ---- elements ---- */

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }
  const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
  const find = (selector) => document.querySelector(selector);

  /* Buttons of which one is pressed. */
  function choices(container, names, choose) {
    const buttons = names.map((name, index) => html('button', { type: 'button', onclick: () => press(index) }, name));
    const press = (index) => {
      buttons.forEach((button, other) => button.setAttribute('aria-pressed', other === index));
      choose(index);
    };
    if (names.length > 1) container.append(...buttons);
    press(0);
  }

  function legend(entries, highlight = () => {}) {
    return html('div', { class: 'legend' }, ...entries.map(([name, color, shape = 0], index) => html('span', {
      onpointerenter: () => highlight(index), onpointerleave: () => highlight(null),
    }, svg('svg', { class: 'key', viewBox: '-1.3 -1.3 2.6 2.6' }, symbol(shape, color, 0, 0, 1)), name)));
  }

  /* Circle, triangle, square, diamond, triangle downwards, cross; from the seventh on the same ones hollow. */
  const SHAPES = [
    'M 1 0 A 1 1 0 1 1 -1 0 A 1 1 0 1 1 1 0 Z', 'M 0 -1.15 L 1.1 0.85 L -1.1 0.85 Z', 'M -0.9 -0.9 H 0.9 V 0.9 H -0.9 Z',
    'M 0 -1.25 L 1.1 0 L 0 1.25 L -1.1 0 Z', 'M 0 1.15 L 1.1 -0.85 L -1.1 -0.85 Z',
    'M -0.4 -1.1 H 0.4 V -0.4 H 1.1 V 0.4 H 0.4 V 1.1 H -0.4 V 0.4 H -1.1 V -0.4 H -0.4 Z',
  ];
  const symbol = (shape, color, x, y, size, attributes = {}, ...children) => svg('path', {
    ...attributes, d: SHAPES[shape % SHAPES.length], transform: `translate(${x} ${y}) scale(${size})`,
    style: shape < SHAPES.length ? `fill: ${color}` : `fill: transparent; stroke: ${color}; stroke-width: 0.45`,
  }, ...children);

  /* ---- the player ---- */

  const player = new SkeletonPlayer(find('#player'), data.skeleton);

  function play(clip, mark, context = '') {
    if (clip === null || clip === undefined) return;
    document.querySelectorAll('.chosen').forEach((chosen) => chosen.classList.remove('chosen'));
    mark.classList.add('chosen');
    player.load(data.clips[clip]);
    player.play();
    find('#context').textContent = context;
  }

  /* ---- facts and protocols ---- */

  const pairs = (object) => Object.entries(object).flatMap(
    ([name, value]) => [html('dt', {}, name.replaceAll('_', ' ')), html('dd', {}, value)]);
  find('#facts').append(...pairs(data.facts));

  function counted(remarks) {
    return remarks.length ? `${remarks.length} remark${remarks.length > 1 ? 's' : ''}` : '';
  }

  function protocols() {
    const withPaper = data.protocols.some((row) => row.paper);
    const heads = ['protocol', 'modality', 'top1', ...(withPaper ? ['paper: top1'] : []), 'other metrics', 'runs', ''];
    const body = data.protocols.flatMap((row) => {
      const card = html('tr', { class: 'card', hidden: '' }, html('td', { colspan: heads.length },
        ...[...row.meanings, ...row.remarks].map((remark) => html('p', {}, remark)), html('dl', {}, ...pairs(row.card))));
      const toggle = () => {
        card.hidden = !card.hidden;
        line.setAttribute('aria-expanded', !card.hidden);
      };
      const line = html('tr', {
        class: `result${row.is_reference ? ' reference' : ''}${row.is_seed ? ' seed' : ''}`, tabindex: 0, 'aria-expanded': false, onclick: toggle,
        onkeydown: (event) => { if (event.key === 'Enter') toggle(); },
      },
      html('td', {}, row.protocol), html('td', {}, row.modality), html('td', { class: 'main' }, row.top1,
        ...(row.signs ? [' ', html('span', { class: 'sign', title: row.meanings.join(' ') }, row.signs)] : [])),
      ...(withPaper ? [html('td', { class: 'soft' }, row.paper)] : []),
      html('td', {}, row.others), html('td', {}, String(row.runs)), html('td', { class: 'soft' }, counted(row.remarks)));
      return [line, card];
    });
    find('#meanings').append(...data.protocols.flatMap((row) => row.meanings.map(
      (meaning) => html('p', {}, `${row.protocol}, ${row.modality}: ${meaning}`))));
    find('#protocols table').append(
      html('thead', {}, html('tr', {}, ...heads.map((head) => html('th', {}, head)))), html('tbody', {}, ...body));
  }

  /* ---- curves ---- */

  function ticks(low, high, count = 5) {
    const rough = (high - low || 1) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const first = Math.ceil(low / step);
    const length = Math.floor(high / step + 1e-9) - first + 1;
    return Array.from({ length }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  }

  function chart({ title, series, low }) {
    const [width, height, left, bottom] = [440, 240, 40, 34];
    const points = Object.values(series).flat();
    const range = (axis) => [Math.min(...points.map((point) => point[axis])), Math.max(...points.map((point) => point[axis]))];
    const [[x0, x1], [lowest, y1]] = [range(0), range(1)];
    const y0 = low ?? lowest;  // from zero on a few percent are not a crash
    const x = (value) => left + (width - left - 8) * (value - x0) / (x1 - x0 || 1);
    const y = (value) => height - bottom - (height - bottom - 8) * (value - y0) / (y1 - y0 || 1);
    const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
    for (const value of ticks(y0, y1)) {
      drawing.append(svg('line', { class: 'grid', x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
        svg('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, String(value)));
    }
    for (const value of ticks(x0, x1)) {
      drawing.append(svg('text', { x: x(value), y: height - 18, 'text-anchor': 'middle' }, String(value)));
    }
    drawing.append(svg('text', { x: (left + width) / 2, y: height - 2, 'text-anchor': 'middle' }, 'epoch'));
    Object.entries(series).forEach(([name, line], index) => {
      const color = LINES[index % LINES.length];
      const path = line.map(([a, b]) => `${x(a)},${y(b)}`).join(' ');
      drawing.append(svg('polyline', { class: 'curve', style: `stroke: ${color}`, points: path }));
      for (const [a, b] of line.length <= 60 ? line : []) {
        const words = `${name}, epoch ${a}: ${b.toPrecision(4)}`;
        drawing.append(svg('circle', { cx: x(a), cy: y(b), r: 3, style: `fill: ${color}` }, svg('title', {}, words)));
      }
    });
    const names = Object.keys(series).map((name, index) => [name, LINES[index % LINES.length]]);
    return html('div', {}, html('h3', {}, title), drawing, legend(names));
  }

  /* ---- classes and confusions ---- */

  function bars(accuracies) {
    const known = accuracies.map((value, index) => [data.classes[index], value]).filter(([, value]) => value !== null);
    known.sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    return known.map(([name, value]) => html('div', { class: 'bar' }, html('span', { title: name }, name),
      html('div', {}, html('div', { style: `width: ${value}%` })), html('span', {}, value.toFixed(1))));
  }

  function matrix({ confusion, examples }) {
    const number = confusion.length;
    const named = number <= NAMED_CLASSES;
    const size = named ? 30 : 12;
    const short = (name) => named ? (name.length > 22 ? `${name.slice(0, 21)}…` : name) : '';
    const margin = named ? 8 + 6.2 * Math.max(...data.classes.map((name) => Math.min(name.length, 22))) : 6;
    const side = margin + number * size;
    const top = named ? 0.13 * margin : 0;  // slanted, the names over the columns are less high than they are long
    const drawing = svg('svg', { viewBox: `0 ${top} ${side + (named ? 40 : 8)} ${side + 8 - top}` });
    confusion.forEach((row, truth) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      const middle = margin + (truth + 0.5) * size;
      drawing.append(svg('text', { x: margin - 6, y: middle + 4, 'text-anchor': 'end' }, short(data.classes[truth])),
        svg('text', { transform: `translate(${middle + 3} ${margin - 6}) rotate(-60)` }, short(data.classes[truth])));
      row.forEach((count, guess) => {
        const clips = examples[`${truth},${guess}`] ?? [];
        if (!count && number > NAMED_CLASSES) return;
        const share = total ? count / total : 0;
        const color = truth === guess ? 'var(--accent)' : 'var(--wrong)';
        const words = `${data.classes[truth]} taken for ${data.classes[guess]}: ${count} of ${total}`;
        let next = 0;
        const place = { x: margin + guess * size, y: margin + truth * size };
        drawing.append(svg('rect', {
          ...place, width: size, height: size, class: clips.length ? 'cell playable' : 'cell',
          style: `fill: ${count ? color : 'transparent'}; fill-opacity: ${count ? 0.08 + 0.92 * Math.sqrt(share) : 0}`,
          'data-cell': `${truth},${guess}`,
          onclick: (event) => {
            const which = next++ % (clips.length || 1);
            play(clips[which], event.target, `${words}. Clip ${which + 1} of ${clips.length} in this page.`);
          },
        }, svg('title', {}, words)));
        if (named && share >= 0.005) {
          const centre = { x: place.x + size / 2, y: place.y + size / 2 };
          const depth = share > 0.4 ? 'count deep' : 'count';
          drawing.append(svg('text', { ...centre, class: depth }, (100 * share).toFixed(0)));
        }
      });
    });
    return drawing;
  }

  function classes() {
    choices(find('#classes .choices'), data.outcomes.map((outcome) => outcome.name), (index) => {
      find('#classes .bars').replaceChildren(...bars(data.outcomes[index].classes));
      find('#classes .matrix').replaceChildren(matrix(data.outcomes[index]));
    });
  }

  /* ---- features ---- */

  function embedding() {
    const pictures = data.embeddings.flatMap((set) => Object.keys(set.points).map((method) => ({ set, method })));
    const several = (key) => new Set(data.embeddings.map((set) => set[key])).size > 1;
    const name = ({ set, method }) =>
      [method, ...['name', 'classes'].filter(several).map((key) => set[key])].join(' · ');
    choices(find('#embedding .choices'), pictures.map(name), (index) => {
      const { set, method } = pictures[index];
      const marks = set.points[method].map(([x, y], row) => {
        const { color, shape } = set.marks[set.labels[row]];
        return symbol(shape, color, 13 + 74 * x, 3 + 74 * (1 - y), 0.85, {
          class: 'point',
          onclick: (event) => play(set.clips[row], event.target,
            `${data.classes[set.labels[row]]}, a test clip in ${method} of ${set.name} features.`),
        }, svg('title', {}, data.classes[set.labels[row]]));
      });
      const present = [...new Set(set.labels)].sort((a, b) => a - b);
      const highlight = (which) => marks.forEach((mark, row) =>
        mark.classList.toggle('dim', which !== null && set.labels[row] !== present[which]));
      find('#embedding .plot').replaceChildren(
        svg('svg', { viewBox: '0 0 100 80' }, ...marks),
        legend(present.map((label) => [data.classes[label], set.marks[label].color, set.marks[label].shape]), highlight));
    });
  }

  /* ---- retrievals ---- */

  /* Stills come from a second player that nobody sees. */
  const darkroom = html('div', { style: 'position: absolute; left: -9999px; width: 220px', 'aria-hidden': true });
  let photographer = null;

  function still(clip) {
    if (!photographer) {
      document.body.append(darkroom);
      photographer = new SkeletonPlayer(darkroom, data.skeleton);
      darkroom.querySelector('canvas').style.cssText = 'width: 200px; height: 200px; aspect-ratio: 1';
    }
    photographer.load(data.clips[clip]);
    photographer.seek(photographer.numFrames / 2);
    const picture = darkroom.querySelector('canvas');
    const copy = html('canvas', { width: picture.width, height: picture.height });
    copy.getContext('2d').drawImage(picture, 0, 0);
    return copy;
  }

  function retrieval() {
    const card = (clip, label, note, kind, context) => html('button', {
      type: 'button', onclick: (event) => play(clip, event.currentTarget, context),
    }, ...(clip === null ? [] : [still(clip)]), html('span', { class: kind }, data.classes[label]), html('small', {}, note));
    choices(find('#retrieval .choices'), data.retrievals.map((set) => set.name), (index) => {
      find('#retrieval .rows').replaceChildren(...data.retrievals[index].rows.map((row) => html('div', { class: 'neighbours' },
        card(row.query, row.label, 'query', '', `${data.classes[row.label]}, a test clip.`),
        ...row.neighbours.map(({ clip, label, similarity }, rank) => card(
          clip, label, `cosine ${similarity.toFixed(3)}`, label === row.label ? 'right' : 'wrong',
          `${data.classes[label]}, neighbour ${rank + 1} of a clip of ${data.classes[row.label]}.`)))));
    });
  }

  const sections = [
    ['protocols', data.protocols, protocols],
    ['curves', data.curves, () => find('#curves .charts').append(...data.curves.map(chart))],
    ['classes', data.outcomes, classes],
    ['embedding', data.embeddings, embedding],
    ['retrieval', data.retrievals, retrieval],
  ];
  for (const [id, content, draw] of sections) {
    if (content.length) draw();
    else find(`#${id}`).hidden = true;
  }
  if (data.clips.length) player.load(data.clips[0]);
  find('#context').textContent = data.missing
    ? `No clips to play: ${data.missing}`
    : `Above: ${data.clips.length ? data.clips[0].title : 'no clip'}. Click on a point, a cell or a neighbour to play its clip.`;
  window.report = { data, player };
})();
