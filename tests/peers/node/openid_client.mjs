// Walks through everything with openid-client. Prints the authorization URL, reads the callback URL from its input, and
// prints what came of it. Arguments: the demo's file, and which of its clients to be.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const [file, name] = process.argv.slice(2)
const demo = JSON.parse(readFileSync(file, 'utf8'))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (message) => console.log(JSON.stringify(message))

const discover = (registration) =>
  client.discovery(
    new URL(demo.issuer),
    registration.client_id,
    registration.client_secret,
    registration.client_secret ? client.ClientSecretBasic(registration.client_secret) : client.None(),
    { execute: [client.allowInsecureRequests] },
  )

const registration = demo.clients[name]
const config = await discover(registration)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: registration.redirect_uris[0],
  scope: registration.scope,
  resource: demo.clients.api.resource,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
say({ authorize: url.href })

const callback = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)

const api = await discover(demo.clients.api)
const before = await client.tokenIntrospection(api, refreshed.access_token)
await client.tokenRevocation(config, refreshed.refresh_token)
const after = await client.tokenIntrospection(api, refreshed.access_token)
const spent = await client.refreshTokenGrant(config, refreshed.refresh_token).catch((error) => error.error)

const machine = await discover(demo.clients.machine)
const credentials = await client.clientCredentialsGrant(machine, { scope: 'api:read' })
const introspected = await client.tokenIntrospection(api, credentials.access_token)

const end = client.buildEndSessionUrl(config, {
  post_logout_redirect_uri: new URL(callback.origin + '/').href,
  id_token_hint: tokens.id_token,
})
say({ claims, user, before, after, spent, introspected, end: end.href, rotated: tokens.refresh_token !== refreshed.refresh_token })
process.exit(0)
