// An MCP server that takes tokens of an issuer, and a client that is registered there, both of the SDK for TypeScript.
// Arguments: issuer, client_id, client_secret, port of the server, redirect URI, scope. Prints the address to sign in at,
// reads the address that the browser is sent back to, and prints whom a tool of the server believes it serves.
import { createInterface } from 'node:readline'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [issuer, client_id, client_secret, port, redirectUri, scope] = process.argv.slice(2)
const resourceServerUrl = new URL(`http://127.0.0.1:${port}/mcp`)

// The server: one tool, and a bearer token for everything.
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
const verifier = {
  async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, { issuer, audience: resourceServerUrl.href, algorithms: ['ES256'] })
    const { client_id: clientId, scope, exp: expiresAt, sub } = payload
    return { token, clientId, scopes: scope.split(' '), expiresAt, extra: { sub } }
  },
}
const createServer = () => {
  const server = new McpServer({ name: 'peer', version: '1' })
  server.registerTool('whoami', {}, ({ authInfo }) => {
    const { clientId, scopes, extra } = authInfo
    return { content: [{ type: 'text', text: JSON.stringify({ sub: extra.sub, client_id: clientId, scopes }) }] }
  })
  return server
}
const oauthMetadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resourceServerUrl)
const app = express()
app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl, scopesSupported: [scope] }))
app.use('/mcp', requireBearerAuth({ verifier, requiredScopes: [scope], resourceMetadataUrl }), express.json())
app.post('/mcp', async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(request, response, request.body)
})
app.get('/mcp', (request, response) => response.sendStatus(405))
await new Promise((resolve) => app.listen(Number(port), '127.0.0.1', resolve))

// The client: registered, with its tokens in memory.
const kept = {}
const authProvider = {
  redirectUrl: redirectUri,
  clientMetadata: { client_name: 'Peer', redirect_uris: [redirectUri] },
  clientInformation: () => (client_secret ? { client_id, client_secret } : { client_id }),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier },
  redirectToAuthorization: (url) => console.log(url.href),
}
const client = new Client({ name: 'peer', version: '1' })
const first = new StreamableHTTPClientTransport(resourceServerUrl, { authProvider })
await client.connect(first).catch(() => {})
const line = (await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()).value
await first.finishAuth(new URL(line).searchParams.get('code'))
await client.connect(new StreamableHTTPClientTransport(resourceServerUrl, { authProvider }))
const answer = await client.callTool({ name: 'whoami', arguments: {} })
console.log(answer.content[0].text)
process.exit(0)
