// The page at /schema: Swagger UI on the service's own OpenAPI document.

const CSRF_COOKIE = "csrftoken";

function csrfToken() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith(`${CSRF_COOKIE}=`));
  return cookie && decodeURIComponent(cookie.slice(CSRF_COOKIE.length + 1));
}

SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#schema",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  // By default it asks a validator on the internet.
  validatorUrl: null,
  requestInterceptor(request) {
    const token = csrfToken();
    if (token && request.method !== "GET") request.headers["x-csrftoken"] = token;
    return request;
  },
});
