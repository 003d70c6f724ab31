// A site with Auth.js for Express and a provider of type "oidc", as its documentation has it. Arguments: issuer,
// client_id, client_secret, port.
import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'

const [issuer, clientId, clientSecret, port] = process.argv.slice(2)
const config = {
  secret: 'of one test, and long enough for what is sealed with it',
  trustHost: true,
  providers: [
    {
      id: 'valetkey',
      name: 'Valetkey',
      type: 'oidc',
      issuer,
      clientId,
      clientSecret,
      authorization: { params: { scope: 'openid profile email groups' } },
    },
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, sub: profile.sub, groups: profile.groups } : token),
    session: ({ session, token }) => ({ ...session, groups: token.groups, sub: token.sub }),
  },
}
const app = express()
app.use('/auth', ExpressAuth(config))
app.get('/user', async (request, response) => response.json(await getSession(request, config)))
app.listen(Number(port), '127.0.0.1')
