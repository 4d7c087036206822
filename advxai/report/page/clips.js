"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  if (!$("clips-data")) return;
  const { clips, rows, fps, line, folder } = JSON.parse($("clips-data").textContent);
  const player = $("player"), films = $("player-films"), curve = $("player-curve"), bars = $("player-bars"), slider = $("player-frame");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let clip = 0, frame = 0, playing = false, clock = 0, before = 0;
  let videos = [];

  const make = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const draw = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const count = () => clips[clip].frames.length;

  // -- one frame, in all films -------------------------------------------------------------------------------------------
  const x = (place) => (600 * (place + 0.5)) / count();
  const y = (p) => 8 + 104 * (1 - p);
  const seek = (video) => {
    if (video.readyState >= 1) video.currentTime = (frame + 0.5) / fps; // the middle of a frame is that frame for sure
  };
  const show = (wanted) => {
    frame = Math.min(Math.max(wanted, 0), count() - 1);
    videos.forEach(seek);
    const { number, seconds, p } = clips[clip].frames[frame];
    const said = `frame ${frame + 1} of ${count()} (the video's ${number}, at ${seconds.toFixed(2)} s): p(fake) ${p.toFixed(3)}`;
    slider.value = frame + 1;
    slider.setAttribute("aria-valuetext", said);
    $("player-now").textContent = said;
    curve.querySelector(".now").setAttribute("d", `M${x(frame)},0V120`);
    for (const bar of bars.querySelectorAll(".part")) {
      bar.classList.toggle("shown", bar.dataset.first <= frame && frame <= bar.dataset.last);
    }
  };

  // -- a clip ----------------------------------------------------------------------------------------------------------
  const plot = () => {
    const path = (name, d) => draw("path", { class: name, d });
    const parts = [path("edge", `M0,${y(0)}H600M0,${y(0.5)}H600M0,${y(1)}H600`)];
    if (line !== null) parts.push(path("line", `M0,${y(line)}H600`));
    const marks = [0, 0.5, 1].filter((p) => line === null || Math.abs(p - line) > 0.12).map((p) => [p, ""]);
    if (line !== null) marks.push([line, "line"]);
    $("player-axis").replaceChildren(...marks.map(([p, className]) => {
      const said = make("span", { textContent: Number(p.toPrecision(3)), className });
      said.style.top = `${y(p) / 1.2}%`;
      return said;
    }));
    const every = Math.ceil(count() / 16); // so many numbers fit beside each other on a phone
    $("player-numbers").replaceChildren(...clips[clip].frames.flatMap((_, place) => {
      if (place % every) return [];
      const said = make("span", { textContent: place + 1 });
      said.style.left = `${x(place) / 6}%`;
      return [said];
    }));
    parts.push(path("p", `M${clips[clip].frames.map(({ p }, place) => `${x(place)},${y(p)}`).join("L")}`), path("now", ""));
    curve.replaceChildren(...parts);
  };
  // the frames of each row's first segments; those that overlap in time stand below each other
  const segments = () => {
    const shown = rows.filter(({ name }) => clips[clip].rows[name]?.top.length);
    bars.replaceChildren(...shown.flatMap(({ name }) => {
      const ends = [];
      const made = clips[clip].rows[name].top.map(({ first, last }, place) => {
        let lane = ends.findIndex((end) => end < first);
        if (lane < 0) lane = ends.length;
        ends[lane] = last;
        const bar = make("span", { className: "part", textContent: place + 1, title: `${name}, ${place + 1}: frames ${first + 1} to ${last + 1}` });
        Object.assign(bar.dataset, { first, last });
        Object.assign(bar.style, { left: `${(100 * first) / count()}%`, width: `calc(${(100 * (last + 1 - first)) / count()}% - 2px)`, top: `${lane * 1.05 + 0.1}rem` });
        return bar;
      });
      const lanes = make("div", { className: "lanes" }, ...made);
      lanes.style.height = `${ends.length * 1.05 + 0.1}rem`;
      return [make("div", { className: "of", textContent: name, title: name }), lanes];
    }));
  };
  const gone = () => {
    const wanting = videos.filter((video) => video.dataset.gone).map((video) => decodeURI(video.getAttribute("src")).split("/"));
    $("player-gone").hidden = wanting.length === 0;
    if (!wanting.length) return;
    const names = wanting.map((parts) => parts.at(-1)).join(", ");
    $("player-gone").textContent =
      `Not in ${wanting[0].slice(0, -1).join("/")}: ${names}. The films belong into the folder ${folder} beside this page: put it there and open the page anew.`;
  };
  const film = (source, name) => {
    const video = make("video", { muted: true, playsInline: true, preload: "auto" });
    video.setAttribute("aria-label", `Film of ${name}`);
    video.addEventListener("loadedmetadata", () => seek(video));
    video.addEventListener("error", () => { video.dataset.gone = "1"; gone(); });
    video.src = source;
    videos.push(video);
    return video;
  };
  const caption = (name, row, { method, kind }) => {
    const what = kind === "explainer" ? `${method}, explains ${row.target}` : `${kind} ${method}`;
    const ramp = make("i", { className: `ramp ${row.form}` });
    const ends = row.form === "heat" ? "least to most important" : "against to for";
    return make("figcaption", {}, make("strong", { textContent: name }), ` ${what} `, ramp, ` ${ends}`);
  };
  const choose = (wanted) => {
    clip = (wanted + clips.length) % clips.length;
    videos = [];
    const one = clips[clip];
    const own = make("figure", {}, film(one.clip, "the clip alone"), make("figcaption", {}, make("strong", { textContent: "Clip" })));
    films.replaceChildren(own, ...rows.filter(({ name }) => name in one.rows).map((about) => {
      const row = one.rows[about.name];
      if (row.film) return make("figure", {}, film(row.film, about.name), caption(about.name, row, about));
      const why = make("p", { className: "none", textContent: `no map: ${row.missing}` });
      return make("figure", {}, why, make("figcaption", {}, make("strong", { textContent: about.name })));
    }));
    gone();
    plot();
    segments();
    slider.max = count();
    $("player-clip").value = clip;
    $("player-sheet").href = one.sheet;
    $("player-called").textContent =
      `${one.said}, p(fake) ${one.p.toFixed(3)}` + (line === null ? "" : `, fake from ${line}`);
    clock = 0;
    show(0);
  };

  // -- the clock ---------------------------------------------------------------------------------------------------------
  const set = (wanted) => {
    playing = wanted;
    player.dataset.playing = playing;
    $("player-play").textContent = playing ? "Pause" : "Play";
    $("player-now").setAttribute("aria-live", playing ? "off" : "polite");
    if (playing) {
      if (frame === count() - 1) show(0);
      before = performance.now();
      clock = 0;
      requestAnimationFrame(tick);
    }
  };
  const tick = (now) => {
    if (!playing) return;
    // a film that is behind is waited for, so that all show the same frame
    if (!videos.some((video) => video.seeking && !video.dataset.gone)) clock += now - before;
    before = now;
    const lasts = 1000 / (fps * Number($("player-speed").value));
    if (clock >= lasts) {
      clock %= lasts;
      if (frame < count() - 1) show(frame + 1);
      else if ($("player-again").checked) show(0);
      else return set(false);
    }
    requestAnimationFrame(tick);
  };
  // the address names the clip that was chosen, so that it can be passed on
  const PREFIX = "#clip=";
  const named = () => {
    if (!location.hash.startsWith(PREFIX)) return -1;
    try {
      const key = decodeURIComponent(location.hash.slice(PREFIX.length));
      return clips.findIndex((one) => one.key === key);
    } catch {
      return -1; // no address of ours
    }
  };
  const go = (wanted) => {
    choose(wanted);
    history.replaceState(null, "", PREFIX + encodeURIComponent(clips[clip].key));
  };
  const step = (to) => { set(false); show(to); };

  // -- hands -------------------------------------------------------------------------------------------------------------
  const KEYS = {
    " ": () => set(!playing), ArrowLeft: () => step(frame - 1), ArrowRight: () => step(frame + 1),
    Home: () => step(0), End: () => step(count() - 1),
    ArrowUp: () => go(clip - 1), ArrowDown: () => go(clip + 1),
  };
  player.addEventListener("keydown", (event) => {
    const own = event.target.tagName;
    if (own === "SELECT" || event.ctrlKey || event.altKey || event.metaKey || !(event.key in KEYS)) return;
    if (event.key === " " && own !== "DIV" && event.target !== slider) return; // a button's, a box's
    event.preventDefault();
    KEYS[event.key]();
  });
  $("player-clip").addEventListener("change", (event) => go(Number(event.target.value)));
  $("player-clip-back").addEventListener("click", () => go(clip - 1));
  $("player-clip-on").addEventListener("click", () => go(clip + 1));
  $("player-back").addEventListener("click", () => step(frame - 1));
  $("player-on").addEventListener("click", () => step(frame + 1));
  $("player-play").addEventListener("click", () => set(!playing));
  slider.addEventListener("input", () => step(Number(slider.value) - 1));
  curve.addEventListener("click", (event) => {
    const { left, width } = curve.getBoundingClientRect();
    step(Math.floor((count() * (event.clientX - left)) / width));
  });

  player.hidden = false;
  $("player-choice").hidden = clips.length === 1;
  set(false);
  choose(Math.max(named(), 0));
  if (named() >= 0) player.scrollIntoView();
  addEventListener("hashchange", () => {
    if (named() < 0) return;
    choose(named());
    player.scrollIntoView();
  });
  // plays once, by itself, when it is first seen; never for those who want less motion
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    if (!still.matches && !playing && frame === 0) set(true);
  }, { threshold: 0.3 });
  seen.observe(films);
})();
