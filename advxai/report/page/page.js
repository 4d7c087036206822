"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { classes, categories, explainers, copies, top, perPage, folder, index } = data;
  const total = index.key.length;
  const CARDS = 24, LEFT_OUT = -1;
  const FIRST_MAP = copies ? 3 : 1, TILES = FIRST_MAP + explainers.length;

  const make = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // -- tables ---------------------------------------------------------------------------------------------------------
  const sortTable = (table, column, direction) => {
    const pinned = Number(table.dataset.pinned);
    const value = (line) => line.cells[column].dataset.v;
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if ((x === "") !== (y === "")) return x === "" ? 1 : -1; // what is empty stays below
      const [m, n] = [Number(x), Number(y)];
      return direction * (Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n);
    };
    // what stands between two rules stays there, below the line that says what it is
    [...table.tBodies].forEach((body, number) => {
      const lines = [...body.rows], stay = (line, place) => line.className === "kind" || (number === 0 && place < pinned);
      body.append(...lines.filter(stay), ...lines.filter((line, place) => !stay(line, place)).sort(compare));
    });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sortTable(table, column, up ? 1 : -1);
    }));
  }

  // -- pictures and numbers, fetched when they are looked at ------------------------------------------------------------
  const strips = new Map();
  const strip = (number) => {
    if (!strips.has(number)) {
      if (folder) {
        strips.set(number, `${folder}/images/${String(number).padStart(6, "0")}.webp`);
      } else {
        const bytes = Uint8Array.from(atob($(`strip-${number}`).textContent), (one) => one.charCodeAt(0));
        strips.set(number, URL.createObjectURL(new Blob([bytes], { type: "image/webp" })));
      }
    }
    return strips.get(number);
  };
  const pages = new Map(), waiting = new Map();
  window.advxaiPage = (number, details) => waiting.get(number).resolve(details);
  const details = async (image) => {
    const number = Math.floor(image / perPage);
    if (!pages.has(number)) {
      pages.set(number, folder ? new Promise((resolve, reject) => {
        waiting.set(number, { resolve });
        const source = `${folder}/page-${String(number).padStart(5, "0")}.js`;
        const script = make("script", { src: source });
        script.onerror = () => {
          pages.delete(number);
          reject(new Error(`${source} can't be read; keep the folder ${folder} beside this page`));
        };
        document.head.append(script);
      }) : Promise.resolve(JSON.parse($(`page-${number}`).textContent)));
    }
    return (await pages.get(number))[image - number * perPage];
  };
  const tile = (image, place, name) => {
    const made = make("span", { className: "tile" });
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", name);
    made.title = name;
    made.style.backgroundImage = `url("${strip(image)}")`;
    made.style.backgroundSize = `${TILES * 100}% 100%`;
    made.style.backgroundPosition = `${TILES > 1 ? (place * 100) / (TILES - 1) : 0}% 0`;
    return made;
  };

  // -- filters ----------------------------------------------------------------------------------------------------------
  const form = $("filters");
  if (classes.length === 2) form.elements.verdict.querySelector("[value=wrong]").remove(); // there is no other
  const option = (select, value, text) => form.elements[select].append(make("option", { value, textContent: text }));
  categories.forEach((name, number) => option("category", number, name));
  explainers.forEach((name, number) => option("explainer", number, name));
  for (let k = top; k >= 1; k--) option("k", k, `top-${k}`);

  const settings = () => Object.fromEntries(new FormData(form));
  // What became of the image: by the explainer that is chosen, else by any of them.
  const flipped = (image, wanted) => {
    const all = index.flips[image];
    const mine = wanted.explainer === "" ? all : [all[Number(wanted.explainer)]];
    const counted = mine.filter((bits) => bits !== LEFT_OUT);
    if (!counted.length) return "left";
    return counted.some((bits) => bits & (1 << (Number(wanted.k) - 1))) ? "flipped" : "kept";
  };
  const matches = (image, wanted) => {
    const called = index.called[image], detected = index.detected[image] === 1;
    if (wanted.category !== "" && index.category[image] !== Number(wanted.category)) return false;
    if (wanted.verdict === "detected" && !detected) return false;
    if (wanted.verdict === "missed" && detected) return false;
    if (wanted.verdict === "wrong" && !(detected && index.label[image] >= 0 && called !== index.label[image])) return false;
    // An image that the detector already calls real can't be made Real: it is neither flipped nor not flipped.
    if (wanted.outcome === "left" && flipped(image, wanted) !== "left") return false;
    if (["flipped", "kept"].includes(wanted.outcome) && !(detected && flipped(image, wanted) === wanted.outcome)) return false;
    if (wanted.copy !== "" && !(detected && index.copied[image] === Number(wanted.copy))) return false;
    return index.key[image].toLowerCase().includes(wanted.text.trim().toLowerCase());
  };

  let found = [], page = 0, viewed = -1;
  const orders = { sure: (a, b) => index.p[b] - index.p[a], unsure: (a, b) => index.p[a] - index.p[b] };
  const search = () => {
    const wanted = settings();
    found = [];
    for (let image = 0; image < total; image++) if (matches(image, wanted)) found.push(image);
    if (wanted.order) found.sort(orders[wanted.order]);
    page = 0;
    show();
  };

  const verdict = (image) => `called ${classes[index.called[image]]}, p = ${index.p[image].toFixed(2)}`;
  const flag = (text, yes) => make("span", { className: yes ? "flag yes" : "flag", textContent: text });
  const card = (image) => {
    const wanted = settings();
    const chosen = wanted.explainer === "" ? explainers.map((_, number) => number) : [Number(wanted.explainer)];
    const tiles = make("span", { className: "tiles" }, tile(image, 0, "face"),
      ...chosen.map((number) => tile(image, FIRST_MAP + number, `map of ${explainers[number]}`)));
    const text = make("span", { className: "text" }, make("strong", { textContent: categories[index.category[image]] }),
      make("br"), verdict(image), make("br"));
    if (index.detected[image]) {
      const state = flipped(image, wanted);
      const by = wanted.explainer === "" ? "by some explainer" : `by ${explainers[Number(wanted.explainer)]}`;
      if (state === "left") text.append(flag("left out of the rows"));
      else text.append(flag(state === "flipped" ? `top-${wanted.k} flipped ${by}` : `top-${wanted.k} not flipped`, state === "flipped"));
    } else text.append(flag("missed"));
    const button = make("button", { type: "button", className: chosen.length === 1 ? "card pair" : "card" }, tiles, text);
    button.dataset.image = image;
    button.title = index.key[image];
    button.addEventListener("click", () => open(image));
    return make("li", {}, button);
  };
  // Not `disabled`: a button that has the focus would lose it, and with it the keyboard.
  const able = (id, can) => $(id).setAttribute("aria-disabled", String(!can));
  const show = () => {
    const last = Math.max(0, Math.ceil(found.length / CARDS) - 1);
    page = Math.min(page, last);
    $("cards").replaceChildren(...found.slice(page * CARDS, (page + 1) * CARDS).map(card));
    $("count").textContent = `${found.length.toLocaleString("en")} of ${total.toLocaleString("en")} images`;
    $("page").textContent = `Page ${page + 1} of ${last + 1}`;
    able("before", page > 0);
    able("after", page < last);
    $("pager").hidden = last === 0;
    remember();
  };
  const turn = (step) => {
    if ((page + step) * CARDS >= found.length || page + step < 0) return;
    page += step;
    show();
    $("count").scrollIntoView({ block: "start" });
  };
  $("before").addEventListener("click", () => turn(-1));
  $("after").addEventListener("click", () => turn(1));
  form.addEventListener("change", search);
  form.elements.text.addEventListener("input", search);
  form.addEventListener("submit", (event) => event.preventDefault());
  $("clear").addEventListener("click", () => {
    form.reset();
    search();
  });

  // -- one image --------------------------------------------------------------------------------------------------------
  const overlay = (size) => draw("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const outline = (svg, shape, kind) => {
    svg.append(draw("path", { d: shape, class: "halo" }), draw("path", { d: shape, class: kind }));
  };
  const masked = (mask) => {
    const svg = overlay(mask.size);
    svg.classList.add("true-mask");
    outline(svg, mask.path, "mask");
    return svg;
  };
  const segmented = (one, explanation) => {
    const svg = overlay(one.size), shapes = one.outlines[explanation.segmentation];
    svg.classList.add("segments");
    for (const [label, positive] of explanation.outlined) outline(svg, shapes[label], positive ? "for" : "against");
    for (const { label } of explanation.top) outline(svg, shapes[label], "ranked");
    explanation.top.forEach(({ at }, place) => {
      svg.append(draw("text", { x: at[0], y: at[1], "font-size": one.size[0] / 14, "stroke-width": one.size[0] / 60 }, place + 1));
    });
    return svg;
  };
  const bars = (title, probabilities) => make("ul", { className: "bars", ariaLabel: title }, ...probabilities.map((p, number) => {
    const bar = make("b");
    bar.style.width = `${p * 100}%`;
    return make("li", {}, make("span", { textContent: classes[number] }), make("span", {}, bar), make("span", { textContent: p.toFixed(3) }));
  }));
  const attacked = (explanation) => {
    if (explanation.left_out) return make("p", { textContent: `Left out of the rows: ${explanation.left_out}.` });
    const body = make("tbody", {}, ...explanation.attacks.map((one) => make("tr", {},
      make("th", { scope: "row", textContent: `top-${one.k}` }),
      make("td", { textContent: `${one.before.toFixed(2)} \u2192 ${one.after.toFixed(2)}` }),
      make("td", { textContent: classes[one.called] }), make("td", { textContent: one.iterations }))));
    const head = make("thead", {}, make("tr", {}, ...["attack", "p", "then called", "iterations"].map((text) => make("th", { scope: "col", textContent: text }))));
    const scores = explanation.scores.map((one) => one.toPrecision(3)).join(", ");
    return make("div", {}, make("table", {}, head, body), make("p", { className: "note", textContent: `scores of the segments: ${scores}` }));
  };
  const view = (title, picture, ...rest) => make("section", { className: "view" }, make("h4", { textContent: title }), picture, ...rest);
  const fill = async (image) => {
    const one = await details(image);
    if (image !== viewed) return; // turned over meanwhile
    const body = make("div", { className: "views" }), maps = make("div", { className: "views" });
    const face = tile(image, 0, "face as the detector sees it");
    if (one.mask) face.append(masked(one.mask));
    body.append(view("Face", face, make("p", { textContent: verdict(image) }), bars("Probabilities", one.before)));
    if (copies) {
      const nes = one.adversary;
      const steps = `${nes.iterations} iteration${nes.iterations === 1 ? "" : "s"}, ${nes.queries} images`;
      const said = index.detected[image] ? `${nes.success ? "called real" : "still called fake"} after ${steps}` : "already called real: NES had nothing to do";
      body.append(view("Adversarial copy", tile(image, 1, "adversarial copy"), make("p", { textContent: said }), bars("Probabilities of the copy", nes.after)));
      body.append(view("Difference, amplified", tile(image, 2, "difference"), make("p", { textContent: `largest ${nes.linf.toFixed(1)}/255` })));
    }
    explainers.forEach((name, number) => {
      const explanation = one.explanations[name];
      const picture = tile(image, FIRST_MAP + number, `map of ${name}`);
      picture.append(segmented(one, explanation));
      if (one.mask) picture.append(masked(one.mask));
      maps.append(view(name, picture, attacked(explanation)));
    });
    $("viewer-body").replaceChildren(body, maps);
    $("viewer-body").dataset.key = index.key[image]; // it is this image's now
    toggle();
  };
  const toggle = () => {
    for (const [box, kind] of [["show-segments", "segments"], ["show-mask", "true-mask"]]) {
      for (const svg of $("viewer-body").querySelectorAll(`svg.${kind}`)) svg.style.display = $(box).checked ? "" : "none";
    }
  };
  const viewer = $("viewer");
  const open = (image) => {
    viewed = image;
    const place = found.indexOf(image);
    $("viewer-h").textContent = `${categories[index.category[image]]}: ${index.key[image]}` + (place < 0 ? "" : ` (${place + 1} of ${found.length})`);
    able("previous", place > 0);
    able("next", place >= 0 && place < found.length - 1);
    if (!viewer.open) viewer.showModal();
    viewer.scrollTop = 0;
    remember();
    fill(image).catch((error) => $("viewer-body").replaceChildren(make("p", { textContent: error.message })));
  };
  const step = (by) => {
    const place = found.indexOf(viewed) + by;
    if (found.includes(viewed) && place >= 0 && place < found.length) open(found[place]);
  };
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => viewer.close());
  $("show-segments").addEventListener("change", toggle);
  $("show-mask").addEventListener("change", toggle);
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  viewer.addEventListener("close", () => {
    if (viewer.open) return; // opened again meanwhile
    const place = found.indexOf(viewed);
    viewed = -1;
    if (place >= 0) {
      page = Math.floor(place / CARDS);
      show();
      $("cards").children[place % CARDS].firstChild.focus();
    } else remember();
  });

  // -- the address holds filters and image, so that a link shows the same ---------------------------------------------------
  const remember = () => {
    const state = new URLSearchParams(Object.entries(settings()).filter(([name, value]) => value !== "" && !(name === "k" && value === String(top))));
    if (viewed >= 0) state.set("image", index.key[viewed]);
    if (page) state.set("page", page + 1);
    const text = state.toString();
    if (text) history.replaceState(null, "", `#gallery?${text}`);
    else if (location.hash.startsWith("#gallery?")) history.replaceState(null, "", "#gallery");
  };
  const recall = () => {
    const [anchor, query] = location.hash.split("?");
    if (anchor !== "#gallery" || !query) return search();
    const state = new URLSearchParams(query);
    for (const [name, value] of state) if (form.elements[name]) form.elements[name].value = value;
    const [image, wanted] = [index.key.indexOf(state.get("image")), Number(state.get("page") || 1) - 1];
    search();
    page = wanted;
    show();
    $("gallery").scrollIntoView();
    if (image >= 0) open(image);
  };
  recall();
})();
