/* Plays skeleton clips on a canvas: play, scrub, speed; drag to turn, wheel to zoom, double-click to look from the front.
 *
 *   const player = new SkeletonPlayer(element, skeleton);   // fills the element; skeleton: encode_skeleton() in Python
 *   player.load(clip);                                      // clip: encode_clip() in Python; may be called again
 *   player.play(); player.pause(); player.seek(12); player.speed = 0.5; player.view(30, 10);   // degrees: turn, tilt
 *
 * Read: player.frame, player.numFrames, player.playing. Keys, where the player has the focus: space,
 * left, right, home, end; with shift, the arrows turn.
 */
class SkeletonPlayer {
  static SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
  static ABSENT = -32768;

  constructor(element, skeleton) {
    this.skeleton = skeleton;
    this.playing = false;
    this.frame = 0;
    this.numFrames = 0;
    this._build(element);
    this.view(0, 0);
    new ResizeObserver(() => this._draw()).observe(this._canvas);
  }

  load(clip) {
    this.pause();
    [this._persons, this.numFrames, this._joints] = clip.shape;
    this._fps = clip.fps;
    // Little-endian, as all machines that run browsers are.
    const bytes = Uint8Array.from(atob(clip.data), (letter) => letter.charCodeAt(0));
    this._units = new Int16Array(bytes.buffer);
    this._measure();
    this._title.textContent = clip.title;
    this._slider.max = this.numFrames - 1;
    this._describe(this._persons);
    this.view(0, 0);
    this.seek(0);
  }

  get speed() { return Number(this._speed.value); }
  set speed(factor) { this._speed.value = factor; }

  play() {
    if (this.playing || this.numFrames < 2) return;
    this.playing = true;
    this._button.textContent = 'Pause';
    if (this.frame === this.numFrames - 1) this.frame = 0;
    let position = this.frame;
    let before = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      // The slider may have moved the frame since.
      if (Math.floor(position) !== this.frame) position = this.frame;
      position = (position + Math.max(0, now - before) / 1000 * this._fps * this.speed) % this.numFrames;
      before = now;
      this.seek(Math.floor(position));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    this.playing = false;
    this._button.textContent = 'Play';
  }

  seek(frame) {
    this.frame = Math.max(0, Math.min(this.numFrames - 1, Math.round(frame)));
    this._slider.value = this.frame;
    this._time.textContent = `${this.frame + 1} / ${this.numFrames}  ${(this.frame / this._fps).toFixed(2)} s`;
    this._draw();
  }

  view(turn, tilt) {
    this._turn = turn * Math.PI / 180;
    this._tilt = tilt * Math.PI / 180;
    this._zoom = 1;
    this._draw();
  }

  /* Radians. */
  _turnBy(turn, tilt) {
    this._turn += turn;
    this._tilt = Math.max(-1.5, Math.min(1.5, this._tilt + tilt));
    this._draw();
  }

  _build(element) {
    const add = (parent, tag, name, properties = {}) => {
      const child = Object.assign(document.createElement(tag), properties);
      child.className = name;
      return parent.appendChild(child);
    };
    element.replaceChildren();
    const root = add(element, 'div', 'skeleton-player', { tabIndex: 0, role: 'group', ariaLabel: 'player' });
    this._title = add(root, 'div', 'title');
    this._canvas = add(root, 'canvas', '', { title: 'drag or shift and arrows to turn, wheel to zoom, double-click to look from the front' });
    const controls = add(root, 'div', 'controls');
    this._button = add(controls, 'button', '', { type: 'button', textContent: 'Play', title: 'space' });
    this._slider = add(controls, 'input', '', { type: 'range', min: 0, max: 0, value: 0, title: 'frame', ariaLabel: 'frame' });
    this._time = add(controls, 'span', 'time');
    this._speed = add(controls, 'select', '', { title: 'speed', ariaLabel: 'speed' });
    for (const factor of SkeletonPlayer.SPEEDS) add(this._speed, 'option', '', { value: factor, textContent: `${factor}×` });
    this.speed = 1;
    this._legend = add(root, 'div', 'legend');

    const toggle = () => this.playing ? this.pause() : this.play();
    this._button.onclick = toggle;
    this._slider.oninput = () => { this.pause(); this.seek(Number(this._slider.value)); };
    this._canvas.onpointerdown = (event) => this._canvas.setPointerCapture(event.pointerId);
    this._canvas.onpointermove = (event) => {
      if (event.buttons) this._turnBy(event.movementX / 120, event.movementY / 120);
    };
    this._canvas.onwheel = (event) => {
      event.preventDefault();
      this._zoom = Math.max(0.3, Math.min(8, this._zoom * Math.exp(-event.deltaY / 600)));
      this._draw();
    };
    this._canvas.ondblclick = () => this.view(0, 0);
    const turn = { ArrowLeft: [-15, 0], ArrowRight: [15, 0], ArrowUp: [0, -15], ArrowDown: [0, 15] };
    root.onkeydown = (event) => {
      if (event.shiftKey && turn[event.key]) {
        event.preventDefault();
        this._turnBy(...turn[event.key].map((degrees) => degrees * Math.PI / 180));
        return;
      }
      const target = { ArrowLeft: this.frame - 1, ArrowRight: this.frame + 1, Home: 0, End: this.numFrames - 1 }[event.key];
      if (event.target === this._speed || (event.key !== ' ' && target === undefined)) return;
      event.preventDefault();
      if (event.key === ' ') { toggle(); return; }
      this.pause();
      this.seek(target);
    };
  }

  /* Half the height of all that is ever seen, the radius about the vertical axis, and the floor. */
  _measure() {
    const units = this._units;
    this._height = this._radius = 1;
    this._floor = 0;
    for (let at = 0; at < units.length; at += 3) {
      if (units[at] === SkeletonPlayer.ABSENT) continue;
      this._height = Math.max(this._height, Math.abs(units[at + 1]));
      this._radius = Math.max(this._radius, Math.hypot(units[at], units[at + 2]));
      this._floor = Math.min(this._floor, units[at + 1]);
    }
  }

  _describe(persons) {
    const names = ['left', 'middle', 'right'];
    this._legend.replaceChildren(...Array.from({ length: persons }, (_, person) => {
      const entry = document.createElement('span');
      entry.append(`person ${person + 1}`);
      for (const [side, name] of names.entries()) {
        if (!this.skeleton.sides.includes(side)) continue;
        const mark = document.createElement('i');
        mark.style.background = this._color(person, side);
        entry.append(mark, name);
      }
      return entry;
    }));
  }

  _color(person, side) {
    return this.skeleton.colors[person % this.skeleton.colors.length][side];
  }

  /* Places on the canvas, with the distance towards the reader; a weak perspective tells near from far. */
  _projection(width, height) {
    const [cosTurn, sinTurn] = [Math.cos(this._turn), Math.sin(this._turn)];
    const [cosTilt, sinTilt] = [Math.cos(this._tilt), Math.sin(this._tilt)];
    const reach = Math.hypot(this._height, this._radius);
    const scale = 0.44 * Math.min(width / this._radius, height / this._height) * this._zoom;
    return (x, y, z) => {
      const right = cosTurn * x + sinTurn * z;
      const near = cosTurn * z - sinTurn * x;
      const towards = cosTilt * near + sinTilt * y;
      const zoom = scale * 6 / (6 - towards / reach);
      return [width / 2 + right * zoom, height / 2 - (cosTilt * y - sinTilt * near) * zoom, towards / reach];
    };
  }

  _draw() {
    if (!this._units) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this._canvas.clientWidth, this._canvas.clientHeight];
    if (!width || !height) return;
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this._canvas.width !== pixels[0] || this._canvas.height !== pixels[1]) [this._canvas.width, this._canvas.height] = pixels;
    const context = this._canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineCap = 'round';
    const project = this._projection(width, height);
    this._drawFloor(context, project);
    for (const stroke of this._strokes(project)) stroke(context);
  }

  _drawFloor(context, project) {
    context.strokeStyle = '#e3e3e3';
    context.lineWidth = 1;
    context.beginPath();
    const lines = 8;
    for (let i = 0; i <= lines; i++) {
      const at = this._radius * (2 * i / lines - 1);
      for (const [from, to] of [[[at, -this._radius], [at, this._radius]], [[-this._radius, at], [this._radius, at]]]) {
        context.moveTo(...project(from[0], this._floor, from[1]).slice(0, 2));
        context.lineTo(...project(to[0], this._floor, to[1]).slice(0, 2));
      }
    }
    context.stroke();
  }

  /* Bones and joints of the frame, the farthest first. */
  _strokes(project) {
    const strokes = [];
    const { bones, sides } = this.skeleton;
    for (let person = 0; person < this._persons; person++) {
      const start = (person * this.numFrames + this.frame) * this._joints * 3;
      const places = Array.from({ length: this._joints }, (_, joint) => {
        const at = start + 3 * joint;
        return this._units[at] === SkeletonPlayer.ABSENT ? null : project(...this._units.subarray(at, at + 3));
      });
      for (const [joint, parent] of bones) {
        const [from, to] = [places[joint], places[parent]];
        if (!from || !to) continue;
        const depth = (from[2] + to[2]) / 2;
        strokes.push([depth, (context) => {
          context.strokeStyle = this._color(person, sides[joint]);
          context.lineWidth = 3.2 + 1.6 * depth;
          context.beginPath();
          context.moveTo(from[0], from[1]);
          context.lineTo(to[0], to[1]);
          context.stroke();
        }]);
      }
      places.forEach((place, joint) => place && strokes.push([place[2] + 1e-3, (context) => {
        context.fillStyle = this._color(person, sides[joint]);
        context.beginPath();
        context.arc(place[0], place[1], 3.2 + 1.2 * place[2], 0, 2 * Math.PI);
        context.fill();
      }]));
    }
    return strokes.sort((a, b) => a[0] - b[0]).map(([, draw]) => draw);
  }
}
