"""How to register an application of one's own, as the terminal and the tour show it."""

CREATE = (
    "valetkey client create app --redirect-uri http://127.0.0.1:3000/callback",
    "  --scope openid --scope profile --scope email --scope groups",
)
APPLY = "valetkey client apply -f app.yaml --secrets-directory ."
REGISTER = "\n".join((". .demo/env", " \\\n".join(CREATE)))
