// A case by its own address: members chosen by their boxes go into a case of their own, or all into another one.

const csrf = document.querySelector("meta[name=csrf]").content;
const id = document.querySelector(".card").dataset.case;
const told = document.querySelector("#told");

async function act(what, body) {
  const answer = await fetch(`/v1/cases/${encodeURIComponent(id)}/${what}`, {
    method: "POST", credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF": csrf }, body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) location.assign(what === "merge" ? `/cases/${encodeURIComponent(body.into)}` : location.href);
  else told.textContent = typeof said.detail === "string" ? said.detail : `the desk answered ${answer.status}`;
}

document.querySelector("#merge").addEventListener("submit", (event) => {
  event.preventDefault();
  act("merge", { into: new FormData(event.target).get("into").trim() });
});
document.querySelector("#split").addEventListener("click", () => {
  const findings = [...document.querySelectorAll("input[name=member]:checked")].map((box) => box.value);
  act("split", { findings });
});
