// Calls testbbb for each request, and passes the lane header on: the mesh routes by it and copies it nowhere.
const http = require('http');

const version = process.env.PROJECT_VERSION || 'unknown';
const next = process.env.TESTBBB_URL || 'http://testbbb:32000';

const server = http.createServer(async (request, response) => {
  try {
    const answer = await fetch(next, { headers: { 'project-version': request.headers['project-version'] || '-' } });
    response.writeHead(answer.status, { 'content-type': 'text/plain' });
    response.end(`testaaa ${version} -> ${await answer.text()}`);
  } catch (error) {
    response.writeHead(502, { 'content-type': 'text/plain' });
    response.end(`testaaa ${version} -> ${error.cause?.code ?? error.message}\n`);
  }
});
// Longer than the sidecar keeps idle connections, or it would meet closed ones (503, flag UC).
server.keepAliveTimeout = 75_000;
server.listen(Number(process.env.PORT || 31000));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
