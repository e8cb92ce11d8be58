"use strict";
// Hands the answer of a sign-in to the page that began it, if that is of this very origin.
(function () {
  const told = new URLSearchParams(window.location.search);
  const place = document.getElementById("signed-in");
  const say = function (title, text) {
    const heading = document.createElement("h1");
    const paragraph = document.createElement("p");
    heading.textContent = title;
    paragraph.textContent = text;
    place.replaceChildren(heading, paragraph);
  };
  // The code does not stay in the address, where the history of the browser would keep it.
  window.history.replaceState(null, "", window.location.pathname);
  let began = null;
  try {
    began = window.opener && window.opener.swaggerUIRedirectOauth2;
  } catch (error) {
    began = null; // a page of another origin
  }
  if (told.get("error")) {
    say("You are not signed in", told.get("error_description") || told.get("error"));
  } else if (!began) {
    say("Nobody waits for this", "Begin at /docs, with the button Authorize.");
  } else if (!told.get("code") || told.get("state") !== began.state) {
    say("You are not signed in", "This is the answer to another sign-in. Begin anew.");
  } else {
    began.auth.code = told.get("code");
    began.callback({ auth: began.auth, redirectUrl: began.redirectUrl });
    window.close();
  }
})();
