"use strict";
// Draws the feed of one tag. Nothing of it stands in the page before this has run.
const main = document.querySelector("main");
const decode = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
let cursor = 0;
let busy = false;

function linked(data) {
  const script = document.createElement("script");
  script.type = "application/ld+json";
  script.textContent = JSON.stringify(data);
  document.body.append(script);
}

function draw(item) {
  const card = document.createElement("a");
  card.className = "card";
  card.href = item.ld.url;
  const image = document.createElement("img");
  image.loading = "lazy";
  image.alt = "";
  image.src = item.img;
  const author = document.createElement("p");
  author.textContent = item.by;
  const text = document.createElement("p");
  text.textContent = item.txt; // a caption is text, whatever it says
  card.append(image, author, text);
  main.append(card);
  linked(item.ld);
}

async function more() {
  if (busy || cursor === null) return;
  busy = true;
  const answer = await (await fetch(`/feed/${encodeURIComponent(main.dataset.tag)}?cursor=${cursor}`)).json();
  if (cursor === 0) linked({ "@context": "https://schema.org", "@type": "ItemList", numberOfItems: answer.t });
  answer.b.map(decode).forEach(draw);
  cursor = answer.n;
  busy = false;
  if (cursor === null) document.body.dataset.end = "1";
}

const sentinel = document.createElement("div");
sentinel.className = "sentinel";
document.body.append(sentinel);
new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more()).observe(sentinel);
