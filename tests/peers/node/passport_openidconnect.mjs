// A site with passport-openidconnect, as its documentation has it. Arguments: issuer, client_id, client_secret, port,
// and "nonce" if it is to send one.
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

const [issuer, clientID, clientSecret, port, nonce] = process.argv.slice(2)
passport.use(
  new OpenIDConnectStrategy(
    {
      issuer,
      authorizationURL: `${issuer}/authorize`,
      tokenURL: `${issuer}/token`,
      userInfoURL: `${issuer}/userinfo`,
      clientID,
      clientSecret,
      callbackURL: `http://127.0.0.1:${port}/callback`,
      scope: ['profile', 'email'],
      ...(nonce ? { nonce: true } : {}),
    },
    (_issuer, profile, done) => done(null, { sub: profile.id, email: profile.emails[0].value }),
  ),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ secret: 'of one test', resave: false, saveUninitialized: false }))
app.use(passport.session())
app.get('/login', passport.authenticate('openidconnect'))
app.get('/callback', passport.authenticate('openidconnect', { successRedirect: '/user', failWithError: true }))
app.get('/user', (request, response) => response.json(request.user))
app.listen(Number(port), '127.0.0.1')
