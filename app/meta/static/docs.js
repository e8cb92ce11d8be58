"use strict";
const place = document.getElementById("api");
window.ui = SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  filter: true,
  persistAuthorization: true,
  showExtensions: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  oauth2RedirectUrl: place.dataset.signedIn,
});
if (place.dataset.signedIn) {
  window.ui.initOAuth({
    clientId: "stageward-docs",
    scopes: "read write review",
    usePkceWithAuthorizationCodeGrant: true,
  });
}
