/** The page at `/` for a server at this address: self-contained, nothing loaded from outside. */
export const page = (address: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Upshift</title>
<style>
:root { color-scheme: light dark; --ink: #16202b; --paper: #fbfbf9; --soft: #5b6873; --line: #d9dcd8; --mark: #0b6e4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecef; --paper: #12171c; --soft: #9aa7b1; --line: #2b343c; --mark: #5fd3a9; } }
body { margin: 0 auto; padding: 3rem 1.25rem 4rem; max-width: 46rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -0.02em; }
h1 span { color: var(--mark); }
h2 { font-size: 1.05rem; margin: 2.25rem 0 0.5rem; }
p { margin: 0.5rem 0; }
.soft { color: var(--soft); }
pre { margin: 0.5rem 0; padding: 0.9rem 1rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; font: 0.875rem/1.5 ui-monospace, monospace; }
code { font: 0.9em ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
td { padding: 0.3rem 0.75rem 0.3rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td:first-child { white-space: nowrap; }
a { color: var(--mark); }
</style>
</head>
<body>
<h1>Upshift <span aria-hidden="true">&#8593;</span></h1>
<p class="soft">This server answers AI requests with the cheapest thing that will do, shifts up to an expert model only where that is asked for or needed, and leaves a record of every step.</p>
<h2>Ask from a shell</h2>
<pre>npx upshift ask "How does Upshift decide to use the expert tier?"</pre>
<h2>Ask over HTTP</h2>
<p>With <code>UPSHIFT_KEY</code> set to a key: <code>npx upshift keys create NAME</code> makes one.</p>
<pre>curl -s ${address}/v1/chat/completions \\
  -H "authorization: Bearer $UPSHIFT_KEY" \\
  -H "content-type: application/json" \\
  -d '{"model":"auto","messages":[{"role":"user","content":"What is a tier?"}]}'</pre>
<h2>Point an application here</h2>
<p>Any client of OpenAI's Chat Completions or Responses works: set its base URL to this address with <code>/v1</code>, and its key to one from <code>npx upshift keys create NAME</code>. Any client of Anthropic's Messages works too, with this address as it is.</p>
<h2>What is here</h2>
<table>
<tr><td><code>POST /v1/chat/completions</code></td><td>answers, whole or streamed; <code>model</code> is <code>auto</code>, a tier (<code>fast</code>, <code>mid</code>, <code>expert</code>), an alias or an exact model</td></tr>
<tr><td><code>POST /v1/responses</code></td><td>the same in the form of OpenAI&#8217;s Responses, which can be gone on from by id</td></tr>
<tr><td><code>POST /v1/messages</code></td><td>the same in Anthropic's Messages</td></tr>
<tr><td><code>POST /v1/embeddings</code></td><td>vectors of texts; <code>model</code> is an exact model that embeds, an alias or <code>auto</code></td></tr>
<tr><td><code>GET /v1/models</code></td><td>what this key may use</td></tr>
<tr><td><a href="/openapi.json"><code>GET /openapi.json</code></a></td><td>the whole API</td></tr>
<tr><td><a href="/ready"><code>GET /ready</code></a></td><td>whether this server should get requests</td></tr>
<tr><td><a href="/metrics"><code>GET /metrics</code></a></td><td>figures for Prometheus</td></tr>
</table>
<h2>Something is wrong?</h2>
<p><code>npx upshift doctor</code> checks port, disk, clock, lock and engines, and names the fix.</p>
</body>
</html>
`
