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
  const say = (words) => { find('#context').textContent = words; };
  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /* Of many things in rows of some columns, one is reached by the tab key and the others from it by arrow keys. */
  function roving(items, columns = items.length) {
    items.forEach((item, index) => {
      item.setAttribute('tabindex', index ? -1 : 0);
      item.addEventListener('keydown', (event) => {
        const [dx, dy] = DIRECTIONS[event.key] ?? [0, 0];
        const next = items[index + dx + columns * dy];
        if (!next || next === item) return;
        event.preventDefault();
        item.setAttribute('tabindex', -1);
        next.setAttribute('tabindex', 0);
        next.focus();
      });
    });
    return items;
  }

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

  function legend(entries, highlight = null) {
    const names = entries.map(([name, color, shape = 0], index) => html('span', highlight ? {
      onpointerenter: () => highlight(index), onpointerleave: () => highlight(null),
      onfocus: () => highlight(index), onblur: () => highlight(null),
    } : {}, svg('svg', { class: 'key', viewBox: '-1.3 -1.3 2.6 2.6' }, symbol(shape, color)), name));
    return html('div', { class: 'legend' }, ...(highlight ? roving(names) : names));
  }

  /* Circle, triangle, square, diamond, triangle downwards, cross; from the seventh on the same ones hollow. */
  const SHAPES = [
    'M 1 0 A 1 1 0 1 1 -1 0 A 1 1 0 1 1 1 0 Z', 'M 0 -1.15 L 1.1 0.85 L -1.1 0.85 Z', 'M -0.9 -0.9 H 0.9 V 0.9 H -0.9 Z',
    'M 0 -1.25 L 1.1 0 L 0 1.25 L -1.1 0 Z', 'M 0 1.15 L 1.1 -0.85 L -1.1 -0.85 Z',
    'M -0.4 -1.1 H 0.4 V -0.4 H 1.1 V 0.4 H 0.4 V 1.1 H -0.4 V 0.4 H -1.1 V -0.4 H -0.4 Z',
  ];
  const symbol = (shape, color) => svg('path', {
    d: SHAPES[shape % SHAPES.length],
    style: shape < SHAPES.length ? `fill: ${color}` : `fill: transparent; stroke: ${color}; stroke-width: 0.45`,
  });

  /* ---- the player ---- */

  const player = new SkeletonPlayer(find('#player'), data.skeleton);

  function play(clip, mark, context = '') {
    if (clip === null || clip === undefined) return;
    document.querySelectorAll('.chosen').forEach((chosen) => chosen.classList.remove('chosen'));
    mark.classList.add('chosen');
    player.load(data.clips[clip]);
    player.play();
    say(context);
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
        onkeydown: (event) => {
          if (event.key !== 'Enter' && event.key !== ' ') return;
          event.preventDefault();
          toggle();
        },
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
    const cells = new Map();
    let current = [0, 0];
    const goTo = ([truth, guess]) => {
      cells.get(`${current}`)?.classList.remove('current');
      current = [truth, guess];
      cells.get(`${current}`).classList.add('current');
      say(cells.get(`${current}`).textContent);
    };
    const key = (event) => {
      const direction = DIRECTIONS[event.key];
      if (direction) {
        let [guess, truth] = [current[1] + direction[0], current[0] + direction[1]];
        while (truth in confusion && guess in confusion && !cells.has(`${truth},${guess}`)) {
          [guess, truth] = [guess + direction[0], truth + direction[1]];
        }
        if (cells.has(`${truth},${guess}`)) goTo([truth, guess]);
      } else if (event.key === 'Enter' || event.key === ' ') cells.get(`${current}`)?.dispatchEvent(new MouseEvent('click'));
      else return;
      event.preventDefault();
    };
    const drawing = svg('svg', {
      viewBox: `0 ${top} ${side + (named ? 40 : 8)} ${side + 8 - top}`, tabindex: 0, role: 'application', onkeydown: key,
      'aria-label': 'Confusion matrix. Arrow keys go from cell to cell, Enter plays a clip of it.',
    });
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
        const cell = svg('rect', {
          ...place, width: size, height: size, class: clips.length ? 'cell playable' : 'cell',
          style: `fill: ${count ? color : 'transparent'}; fill-opacity: ${count ? 0.08 + 0.92 * Math.sqrt(share) : 0}`,
          'data-cell': `${truth},${guess}`,
          onclick: (event) => {
            const which = next++ % (clips.length || 1);
            play(clips[which], event.target, `${words}. Clip ${which + 1} of ${clips.length} in this page.`);
          },
        }, svg('title', {}, words));
        cells.set(`${truth},${guess}`, cell);
        drawing.append(cell);
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

  /* Points on a canvas: thousands of elements would make the page slow. Strong points have a clip, faint ones do not. */
  class Scatter {
    constructor(canvas, set, method) {
      Object.assign(this, { canvas, set, method, highlighted: null, current: null, chosen: null });
      this.paths = SHAPES.map((shape) => new Path2D(shape));
      canvas.onpointermove = (event) => this.point(event);
      canvas.onpointerleave = () => this.goTo(null);
      canvas.onclick = (event) => this.play(this.nearest(event, true) ?? this.nearest(event));
      canvas.onkeydown = (event) => this.key(event);
      new ResizeObserver(() => this.draw()).observe(canvas);
    }

    /* Place of a row in a square of 100 × 80. */
    place(row) {
      const [x, y] = this.set.points[this.method][row];
      return [13 + 74 * x, 3 + 74 * (1 - y)];
    }

    playable(row) { return this.set.clips[row] !== null; }

    draw() {
      const ratio = window.devicePixelRatio || 1;
      const scale = this.canvas.clientWidth / 100;
      const pixels = [Math.round(100 * scale * ratio), Math.round(80 * scale * ratio)];
      if (this.canvas.width !== pixels[0] || this.canvas.height !== pixels[1]) [this.canvas.width, this.canvas.height] = pixels;
      const context = this.canvas.getContext('2d');
      const size = Math.max(0.3, Math.min(0.85, 19 / Math.sqrt(this.set.labels.length)));
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, ...pixels);
      const symbolAt = (row, factor) => {
        const { color, shape } = this.set.marks[this.set.labels[row]];
        const [x, y] = this.place(row);
        const unit = scale * ratio;
        context.setTransform(unit * size * factor, 0, 0, unit * size * factor, unit * x, unit * y);
        const path = this.paths[shape % SHAPES.length];
        context.fillStyle = context.strokeStyle = color;
        context.lineWidth = 0.45;
        if (shape < SHAPES.length) context.fill(path);
        else context.stroke(path);
        return path;
      };
      this.set.labels.forEach((label, row) => {
        const dim = this.highlighted !== null && label !== this.highlighted;
        context.globalAlpha = dim ? 0.08 : this.playable(row) ? 1 : 0.45;
        symbolAt(row, this.playable(row) ? 1 : 0.8);
      });
      context.globalAlpha = 1;
      for (const row of [this.chosen, this.current]) {
        if (row === null) continue;
        const path = symbolAt(row, 1.7);
        context.strokeStyle = getComputedStyle(this.canvas).color;
        context.lineWidth = 0.35;
        context.stroke(path);
      }
    }

    highlight(label) {
      this.highlighted = label;
      this.draw();
    }

    /* The row whose point is nearest to the pointer, within a finger's width. */
    nearest(event, playable = false) {
      const box = this.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => value * 100 / box.width);
      let [best, least] = [null, (14 * 100 / box.width) ** 2];
      for (let row = 0; row < this.set.labels.length; row++) {
        if (playable && !this.playable(row)) continue;
        const [a, b] = this.place(row);
        const distance = (a - x) ** 2 + (b - y) ** 2;
        if (distance < least) [best, least] = [row, distance];
      }
      return best;
    }

    point(event) {
      const row = this.nearest(event, true) ?? this.nearest(event);
      this.canvas.style.cursor = row !== null && this.playable(row) ? 'pointer' : '';
      if (row !== this.current) this.goTo(row);
    }

    goTo(row) {
      this.current = row;
      this.canvas.title = row === null ? '' : data.classes[this.set.labels[row]];
      this.draw();
    }

    /* The nearest point with a clip that lies in a direction. */
    towards(dx, dy) {
      const start = this.current ?? this.chosen;
      const [x, y] = start === null ? [50 - 50 * dx, 40 - 40 * dy] : this.place(start);
      let [best, least] = [start, Infinity];
      for (let row = 0; row < this.set.labels.length; row++) {
        if (row === start || !this.playable(row)) continue;
        const [a, b] = this.place(row);
        const along = (a - x) * dx + (b - y) * dy;
        const aside = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
        if (along > 1e-6 && aside <= along && along + 2 * aside < least) [best, least] = [row, along + 2 * aside];
      }
      return best;
    }

    key(event) {
      const direction = DIRECTIONS[event.key];
      if (direction) this.goTo(this.towards(...direction));
      else if (event.key !== 'Enter' && event.key !== ' ') return;
      else this.play(this.current);
      event.preventDefault();
      if (direction && this.current !== null) say(data.classes[this.set.labels[this.current]]);
    }

    play(row) {
      if (row === null) return;
      const name = data.classes[this.set.labels[row]];
      if (!this.playable(row)) {
        say(`${name}: this clip is not in the page; strong points play theirs.`);
        return;
      }
      play(this.set.clips[row], this.canvas, `${name}, a test clip in ${this.method} of ${this.set.name} features.`);
      this.chosen = row;
      this.draw();
    }
  }

  function embedding() {
    const pictures = data.embeddings.flatMap((set) => Object.keys(set.points).map((method) => ({ set, method })));
    const several = (key) => new Set(data.embeddings.map((set) => set[key])).size > 1;
    const name = ({ set, method }) =>
      [method, ...['name', 'classes'].filter(several).map((key) => set[key])].join(' · ');
    choices(find('#embedding .choices'), pictures.map(name), (index) => {
      const { set, method } = pictures[index];
      const canvas = html('canvas', { class: 'points', tabindex: 0, role: 'application', 'aria-label':
        `${method} of ${set.name} features, ${set.labels.length} test clips. Arrow keys go to the next point, Enter plays its clip.` });
      const scatter = new Scatter(canvas, set, method);
      const present = [...new Set(set.labels)].sort((a, b) => a - b);
      find('#embedding .plot').replaceChildren(canvas, legend(
        present.map((label) => [data.classes[label], set.marks[label].color, set.marks[label].shape]),
        (which) => scatter.highlight(which === null ? null : present[which])));
      window.report.scatter = scatter;
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
    const rows = new IntersectionObserver((seen) => seen.filter((row) => row.isIntersecting).forEach(({ target }) => {
      rows.unobserve(target);
      target.querySelectorAll('[data-clip]').forEach((place) => place.replaceChildren(still(place.dataset.clip)));
    }), { rootMargin: '400px' });
    const card = (clip, label, note, kind, context) => html('button', {
      type: 'button', onclick: (event) => play(clip, event.currentTarget, context),
    }, ...(clip === null ? [] : [html('div', { class: 'still', 'data-clip': clip })]),
    html('span', { class: kind }, data.classes[label]), html('small', {}, note));
    choices(find('#retrieval .choices'), data.retrievals.map((set) => set.name), (index) => {
      find('#retrieval .rows').replaceChildren(...data.retrievals[index].rows.map((row) => html('div', { class: 'neighbours' },
        card(row.query, row.label, 'query', '', `${data.classes[row.label]}, a test clip.`),
        ...row.neighbours.map(({ clip, label, similarity }, rank) => card(
          clip, label, `cosine ${similarity.toFixed(3)}`, label === row.label ? 'right' : 'wrong',
          `${data.classes[label]}, neighbour ${rank + 1} of a clip of ${data.classes[row.label]}.`)))));
      const cards = [...find('#retrieval .rows').children];
      roving(cards.flatMap((row) => [...row.children]), cards[0]?.children.length);
      cards.forEach((row) => rows.observe(row));
    });
  }

  window.report = { data, player };
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
    : `Above: ${data.clips.length ? data.clips[0].title : 'no clip'}. A point, a cell or a neighbour plays its clip.`;
})();
