// A site with openid-client 5 and its strategy for passport, as its documentation has it. Arguments: issuer, client_id,
// client_secret, port.
import express from 'express'
import session from 'express-session'
import { Issuer, Strategy } from 'openid-client-5'
import passport from 'passport'

const [address, client_id, client_secret, port] = process.argv.slice(2)
const issuer = await Issuer.discover(address)
const client = new issuer.Client({
  client_id,
  client_secret,
  redirect_uris: [`http://127.0.0.1:${port}/callback`],
  response_types: ['code'],
})
const params = { scope: 'openid profile email groups' }
passport.use(
  'oidc',
  new Strategy({ client, params }, async (tokens, userInfo, done) => {
    const refreshed = await client.refresh(tokens.refresh_token)
    done(null, { claims: tokens.claims(), userInfo, renewed: refreshed.access_token !== tokens.access_token })
  }),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ secret: 'of one test', resave: false, saveUninitialized: false }))
app.use(passport.session())
app.get('/login', passport.authenticate('oidc'))
app.get('/callback', passport.authenticate('oidc', { successRedirect: '/user', failWithError: true }))
app.get('/user', (request, response) => response.json(request.user))
app.listen(Number(port), '127.0.0.1')
