// A certified OpenID provider in strict rotation, under the paths of Entra ID. Argument: the port.
//
// GET /stats counts renewals. GET /hold?when=before keeps token requests from the provider until /release, and drops
// those whose client is gone by then; when=after keeps the responses of the provider back for good.
import crypto from 'node:crypto'
import http from 'node:http'
import Provider from 'oidc-provider'

const port = Number(process.argv[2])
const tenant = '11111111-2222-3333-4444-555555555555'
const prefix = `/${tenant}/v2.0`
const stats = { renewals: 0, refused: 0, held: 0 }
let hold = ''
let waiting = []

const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
const guid = (text) =>
  crypto.createHash('sha256').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')

const provider = new Provider(`http://127.0.0.1:${port}${prefix}`, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'key' }] },
  clients: [{
    client_id: 'application',
    client_secret: 'secret-of-the-application',
    redirect_uris: ['http://localhost:8400/callback'],
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['openid', 'profile', 'offline_access'],
  claims: { openid: ['sub', 'oid', 'tid', 'preferred_username', 'name'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['not-for-production'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 3600 },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, oid: guid(id), tid: tenant, preferred_username: id, name: id }),
  }),
})
provider.on('grant.success', (context) => { stats.renewals += context.oidc.params.grant_type === 'refresh_token' })
provider.on('grant.error', () => { stats.refused += 1 })
const answer = provider.callback()

async function serve(request, response) {
  const url = new URL(request.url, 'http://127.0.0.1')
  if (url.pathname === '/stats') return response.end(JSON.stringify(stats))
  if (url.pathname === '/hold') { hold = url.searchParams.get('when'); return response.end() }
  if (url.pathname === '/release') { hold = ''; waiting.forEach((go) => go()); waiting = []; return response.end() }
  const path = request.url.replace(/^\/common\/v2\.0/, prefix)
  if (!path.startsWith(prefix)) return response.writeHead(404).end()
  request.originalUrl = path
  request.url = path.slice(prefix.length)
  if (hold && request.url === '/token') {
    stats.held += 1
    if (hold === 'after') response.end = () => { request.socket.destroy() }
    else await new Promise((go) => { waiting.push(go) })
    if (request.socket.destroyed) return
  }
  return answer(request, response)
}

http.createServer(serve).listen(port, '127.0.0.1', () => console.log('ready'))
