// The references page: uploads with progress, retiring, thresholds. Says what went wrong in the page, in no dialog.

const token = document.querySelector('meta[name="csrf"]').content;
const said = document.querySelector(".said");

async function send(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF": token },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    throw new Error(reason(await answer.text()));
  }
}

function reason(text) {
  try {
    const detail = JSON.parse(text).detail;
    return typeof detail === "string" ? detail : JSON.stringify(detail);
  } catch {
    return text.slice(0, 300);
  }
}

function acts(form, address, body) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await send(address, body());
      location.reload();
    } catch (error) {
      said.textContent = error.message;
      said.scrollIntoView({ block: "nearest" });
      button.disabled = false;
    }
  });
}

for (const form of document.querySelectorAll("form.change")) {
  const { reference, act } = form.dataset;
  acts(form, `/v1/references/${act}`, () => ({ reference, why: form.elements.why.value }));
}

for (const form of document.querySelectorAll("form.threshold")) {
  const { element, method, threshold } = form.dataset;
  acts(form, "/v1/thresholds", () => ({
    element,
    method,
    threshold: threshold === undefined ? null : Number(threshold),
  }));
}

// Only the elements of the chosen title are offered.
for (const parts of document.querySelectorAll("select[data-parts]")) {
  const titles = parts.form.elements.franchise;
  const offer = () => {
    for (const option of parts.options) {
      option.hidden = option.disabled = Boolean(
        titles.value && option.dataset.franchise && option.dataset.franchise !== titles.value,
      );
    }
    if (parts.selectedOptions[0]?.disabled) {
      parts.value = "";
    }
  };
  titles.addEventListener("change", offer);
  offer();
}

const upload = document.querySelector("form.upload");
upload?.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = upload.dataset;
  const bar = upload.querySelector("progress");
  const button = upload.querySelector("button");
  const told = document.querySelector(".told");
  const request = new XMLHttpRequest(); // fetch tells nothing of how far an upload is
  const tell = (lines) => told.replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const ended = (lines) => {
    tell(lines);
    bar.hidden = true;
    button.disabled = false;
  };
  request.open("POST", "/v1/references");
  request.setRequestHeader("X-CSRF", token);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = total ? loaded / total : 0;
  });
  request.upload.addEventListener("load", () => tell([words.checking]));
  request.addEventListener("error", () => ended([words.broken]));
  request.addEventListener("load", () => {
    if (request.status !== 200) {
      ended([reason(request.responseText)]);
      return;
    }
    ended(JSON.parse(request.responseText).map((one) =>
      one.error ? `${one.name}: ${words.leftOut}: ${one.error}` : `${one.name}: ${one.new ? words.added : words.known}`));
    upload.elements.files.value = "";
  });
  button.disabled = true;
  bar.hidden = false;
  tell([words.sending]);
  request.send(new FormData(upload));
});
