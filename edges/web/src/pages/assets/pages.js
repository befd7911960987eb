// A link in a mail carries its secret after the `#`: browsers send that part to no server, so it
// is in no request log and in no Referer, and a mail scanner that follows the link spends nothing.
// Only a script can read it. This one moves it into the form, and takes it out of the address bar,
// where it would stay in the history, in a bookmark or in a picture of the screen. Without the
// script the page asks for the short code of the same mail.
"use strict";

const form = document.querySelector("form");
const code = form.elements.namedItem("code");

function takeToken() {
  const token = location.hash.slice(1);
  if (token === "") return;
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.namedItem("token").value = token;
  document.getElementById("code-field").hidden = true;
  // A hidden field that is required would stop the form without a word.
  code.required = false;
  code.value = "";
}

takeToken();
// The link of the mail opened once more in the same tab changes the fragment and loads nothing.
addEventListener("hashchange", takeToken);

// A double click would post twice, and the second answer, which is the one that is shown, would
// say that the link is used up. In time only: a form whose request was stopped must work again.
let sentAt = -Infinity;
form.addEventListener("submit", (event) => {
  if (event.timeStamp - sentAt < 2000) event.preventDefault();
  else sentAt = event.timeStamp;
});
