'use strict';

// What people would build instead, as tutorials show it: Express, jsonwebtoken (RS256, as Doorward
// by default), bcrypt 10. Users and sessions live in memory, which is kinder than any database.

const crypto = require('node:crypto');
const bcrypt = require('bcrypt');
const express = require('express');
const jwt = require('jsonwebtoken');

const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const usersByEmail = new Map();
const usersById = new Map();
const sessions = new Map();
const app = express();
app.use(express.json());

function tokensOf(user, session) {
  const claims = { sub: user.id, sid: session, email: user.email, roles: ['USER'] };
  const accessToken = jwt.sign(claims, privateKey, { algorithm: 'RS256', expiresIn: '15m' });
  const refreshToken = crypto.randomBytes(32).toString('base64url');
  sessions.set(crypto.createHash('sha256').update(refreshToken).digest('hex'), {
    user: user.id,
    session,
  });
  return { accessToken, refreshToken, tokenType: 'Bearer', expiresIn: 900 };
}

app.post('/auth/register', async (request, response) => {
  const { email, password } = request.body;
  if (usersByEmail.has(email)) {
    return response.status(409).end();
  }
  const user = { id: crypto.randomUUID(), email, hash: await bcrypt.hash(password, 10) };
  usersByEmail.set(email, user);
  usersById.set(user.id, user);
  return response.status(201).json({ user: { id: user.id, email } });
});

app.post('/auth/login', async (request, response) => {
  const user = usersByEmail.get(request.body.email);
  if (!user || !(await bcrypt.compare(request.body.password, user.hash))) {
    return response.status(401).end();
  }
  return response.json(tokensOf(user, crypto.randomUUID()));
});

app.post('/auth/refresh', (request, response) => {
  const digest = crypto.createHash('sha256').update(request.body.refreshToken).digest('hex');
  const found = sessions.get(digest);
  if (!found) {
    return response.status(401).end();
  }
  sessions.delete(digest);
  return response.json(tokensOf(usersById.get(found.user), found.session));
});

app.get('/auth/me', (request, response) => {
  try {
    const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const claims = jwt.verify(token, publicKey, { algorithms: ['RS256'] });
    const user = usersById.get(claims.sub);
    return response.json({ id: user.id, email: user.email });
  } catch {
    return response.status(401).end();
  }
});

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
