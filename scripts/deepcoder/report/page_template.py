"""The page's markup. It is a Python string so that a rule's identity, which follows imports, covers it."""

STYLE = """
:root { --ink: #1c2530; --soft: #5b6673; --line: #dde2e8; --back: #ffffff; --panel: #f5f7f9; --link: #0b5cad;
  --good: #00734f; --bad: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #9aa7b5; --line: #313a45; --back: #14191f;
  --panel: #1d242c; --link: #7db8f0; --good: #4cc79d; --bad: #f0985c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
a { color: var(--link); } p, figcaption { max-width: 46rem; }
.soft, small, figcaption { color: var(--soft); } small { font-size: .78rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { font-size: .8rem; color: var(--soft); font-weight: 600; } td small { display: block; white-space: nowrap; }
td.number a { font-weight: 600; text-decoration: none; } td.number a:hover { text-decoration: underline; }
td.right, th.right { text-align: right; } td.number > a, td.number > span { white-space: nowrap; }
.wide th:first-child { position: sticky; left: 0; background: var(--back); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; } summary h3 { display: inline; }
th.inner, th.note { font-weight: 400; } th.inner { padding-left: 1.2rem; }
th.note { min-width: 14rem; }
 .none { color: var(--soft); font-style: italic; font-size: .85rem; }
figure { margin: 1rem 0; } .drawing { background: #fff; border-radius: 6px; padding: .4rem; overflow-x: auto; }
.drawing svg { display: block; width: 100%; height: auto; min-width: 26rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .8rem; margin: .4rem 0; }
details:target { border-color: var(--link); box-shadow: 0 0 0 2px var(--link); } summary { cursor: pointer; }
pre { background: var(--panel); border-radius: 6px; padding: .6rem; overflow-x: auto; font-size: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; } code { font-size: .85em; overflow-wrap: anywhere; }
.AC { color: var(--good); font-weight: 600; } .failed { color: var(--bad); font-weight: 600; }
.trail svg { display: block; width: 100%; max-width: 24rem; height: auto; margin: .6rem 0; }
.trail rect { fill: var(--panel); stroke: var(--soft); } .trail .apart rect { fill: none; stroke-dasharray: 4 3; }
.trail line { stroke: var(--soft); } .trail text { fill: var(--ink); font-size: 13px; }
.trail text.detail { fill: var(--soft); font-size: 11px; } .trail text.hash { font: 11px ui-monospace, monospace; }
.trail a text.hash { fill: var(--link); text-decoration: underline; } .trail .apart text.hash { font-style: italic; }
.rules svg { display: block; width: 100%; max-width: 24rem; height: auto; }
.rules path { fill: none; stroke: var(--soft); } .rules path.back { stroke-dasharray: 4 3; }
.rules circle { fill: var(--link); } .rules text { fill: var(--ink); font-size: 13px; }
.rules text.detail { fill: var(--soft); }
.notice { background: var(--panel); border-left: 4px solid var(--link); padding: .6rem .9rem; border-radius: 4px; }
"""

# A details element that a link points to opens itself and those around it; the page works without this.
SCRIPT = """
function reveal() { var t = document.getElementById(location.hash.slice(1));
  for (var e = t; e; e = e.parentElement) { if (e.tagName.toLowerCase() === "details") { e.open = true; } }
  if (t) { t.scrollIntoView(); } }
window.addEventListener("hashchange", reveal); reveal();
"""

MACROS = """
{%- macro value(cell) -%}
{%- if cell.evidence -%}<a href="#{{ cell.evidence }}">{{ cell.text }}</a>
{%- else -%}<span class="none">{{ cell.text }}</span>{%- endif -%}
{%- if cell.note %}<small>{{ cell.note }}</small>{% endif -%}
{%- if cell.published %}<small>{{ cell.published }}</small>{% endif -%}
{%- endmacro -%}
{%- macro cells(list, kind) -%}
{%- for cell in list %}<td class="{{ 'number' if cell.evidence else 'missing' }} {{ kind }}">{{ value(cell) }}</td>
{%- endfor -%}{%- endmacro -%}
{%- macro figure(name, caption) -%}
<figure><div class="drawing">{% if name in figures %}{{ figures[name]|safe }}{% else %}<span class="none">
{{- not_run }}</span>{% endif %}</div><figcaption>{{ caption }}</figcaption></figure>
{%- endmacro -%}
{%- macro drawn(rules) -%}
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 {{ rules|length * 26 }}" role="img"
aria-label="rules and what they need">
{% for line in rules %}{% for path, back in line.arcs %}<path d="{{ path }}"{% if back %} class="back"{% endif %}/>
{% endfor %}{% endfor %}{% for line in rules %}<circle cx="84" cy="{{ line.y }}" r="4"/>
<text x="98" y="{{ line.y + 4.5 }}">{{ line.rule }}</text>
<text x="335" y="{{ line.y + 4.5 }}" text-anchor="end" class="detail">{{ line.jobs }}
{{- " job" if line.jobs == 1 else " jobs" }}</text>
{% endfor %}</svg>
{%- endmacro -%}
{%- macro gridded(grid) -%}
{% if grid %}<div class="wide"><table>
<thead><tr>{% for name in grid.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for names, line in grid.lines %}<tr>{% for name in names %}<th>{{ name }}</th>{% endfor %}
{{- cells(line, "right") }}</tr>
{% endfor %}</tbody></table></div>
{% else %}<p class="none">{{ not_run }}</p>{% endif %}
{%- endmacro -%}
{%- macro trail(picture) -%}
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 {{ picture.stops|length * 48 - 8 }}">
{% for stop in picture.stops %}<g transform="translate(0 {{ loop.index0 * 48 }})"
{%- if not stop.sha256 %} class="apart"{% endif %}>
{% if not loop.first %}<line x1="20" x2="20" y1="-8" y2="0"/>{% endif %}
{% if stop.link %}<a href="{{ stop.link }}">{% endif %}<title>{{ stop.name }}: {{ stop.link or stop.detail }}
{{- " sha256 " + stop.sha256 if stop.sha256 }}</title>
<rect x=".5" y=".5" width="339" height="39" rx="5"/>
<text x="10" y="17">{{ stop.name }}</text><text x="10" y="32" class="detail">{{ stop.detail }}</text>
<text x="330" y="17" text-anchor="end" class="hash">{{ stop.short }}</text>{% if stop.link %}</a>{% endif %}</g>
{% endfor %}</svg>
{%- endmacro -%}
"""

BODY = """<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>DeepCoder, reproduced ({{ run.scale }})</title>
<style>{{ style|safe }}</style>
</head>
<body>
<header>
<h1>DeepCoder, reproduced</h1>
{% if run.scale != "paper" %}<p class="notice">This is the <b>{{ run.scale }}</b> scale: the same workflow, rules and
engines as the paper's on a model of {{ run.parameters }} parameters. It shows that the machinery works, not how good
DeepCoder is. Nothing here is comparable with a published number.</p>{% endif %}
<dl>
{% for name, text in run.facts.items() %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl>
<p class="soft">Every number links to the file that holds it, with its hash and the record of the job that wrote it.</p>
<nav>{% for name, title in sections.items() %}<a href="#{{ name }}">{{ title }}</a>
{% endfor %}</nav>
</header>

<section id="benchmarks">
<h2>Benchmarks</h2>
{% if benchmarks.titles %}
<p class="soft">pass@1 in percent ± standard error clustered by problem, at context {{ benchmarks.context }}; below it
the {{ run.confidence }} interval.</p>
<div class="wide"><table>
<thead><tr><th>model</th>{% for title in benchmarks.titles %}<th>{{ title }}</th>{% endfor %}</tr></thead>
<tbody>
{% for subject, line in benchmarks.lines %}<tr><th>{{ subject }}</th>{{ cells(line, "") }}</tr>
{% endfor %}</tbody></table></div>
{% endif %}
{% if benchmarks.not_run %}<p class="none">{{ benchmarks.not_run|join(", ") }}: {{ not_run }}.</p>{% endif %}
{% if published %}<h3>Published, for reference</h3>
<p class="soft">Copied from the announcement, in percent; not measured here. How each was measured and how sure it is:
<code>python scripts/audit.py config/published</code></p>
<div class="wide"><table>
<thead><tr><th>model</th>{% for title in published.titles %}<th>{{ title }}</th>{% endfor %}</tr></thead>
<tbody>
{% for model, line in published.lines %}<tr><th>{{ model }}</th>
{%- for text in line %}<td>{% if text %}<a class="soft" href="#published">{{ text }}</a>{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table></div>{% endif %}
</section>

<section id="comparisons">
<h2>Models compared</h2>
<p class="soft">First and last stage against the base and against each other on the same problems, in points, with the
{{ run.confidence }} interval and an exact p-value. All pairs are in comparisons.csv.</p>
{{ gridded(beside.comparisons) }}
</section>

<section id="grader">
<h2>The grader</h2>
<p class="soft">The same responses by the benchmark's own judge and by others, and the references of the training
problems by the rules of two curations: the share that is accepted, and how many samples, or problems, another judge
alone accepts (+) and alone refuses (−).</p>
{{ gridded(beside.grader) }}
</section>

<section id="contexts">
<h2>Context length</h2>
<p class="soft">{{ run.sampled }}</p>
{% for grid in contexts %}<h3>{{ grid.title }}</h3>
<div class="wide"><table>
<thead><tr><th>model</th>{% for label, tokens in grid.contexts.items() %}<th>{{ label }}
{%- if tokens %} ({{ tokens }} tokens){% endif %}</th>{% endfor %}</tr></thead>
<tbody>
{% for subject, line in grid.lines %}<tr><th>{{ subject }}</th>{{ cells(line, "") }}</tr>
{% endfor %}</tbody></table></div>
{% else %}<p class="none">{{ not_run }}</p>
{% endfor %}
{{ figure("contexts", "Bars are pass@1 with their intervals. Hatched bars are published numbers.") }}
</section>

<section id="training">
<h2>Training</h2>
<div class="wide"><table>
<thead><tr><th>stage</th><th>steps</th><th>reward, first → last step</th><th>response tokens</th><th>share cut</th>
<th>validation</th></tr></thead>
<tbody>
{% for line in training %}<tr><th>{{ line.subject }}</th>{{ cells(line.cells, "") }}</tr>
{% else %}<tr><td class="none" colspan="6">{{ not_run }}</td></tr>
{% endfor %}</tbody></table></div>
{{ figure("reward", "Reward by step. A dotted line marks the next context stage.") }}
{{ figure("response_length", "Length of the responses by step.") }}
{{ figure("validation", "Left: this run on held-back training problems. Right: the published curve (test window).") }}
</section>

<section id="systems">
<h2>Systems</h2>
<p class="soft">Mean seconds of a step and of its parts. Parts over step is above one where parts ran side by side; a
speed-up is as published. No other run repeats these times.</p>
{{ gridded(beside.systems) }}
{{ figure("systems", "Parts of a step upon each other; the diamond is the step itself. Hatched bars are published.") }}
</section>

<section id="cost">
<h2>Cost</h2>
<p class="soft">From the records of the jobs. Hours are summed over jobs that may have run side by side. The jobs that
make these tables, draw and print are not among them: a table cannot hold what comes after it. An empty cell was not
measured of every job.</p>
{{ gridded(beside.cost) }}
</section>

<section id="funnel">
<h2>Data</h2>
<p class="soft">Problems that went into each rule, that it removed, and that were left.</p>
{% for grid in funnel|reverse %}<details{% if loop.first %} open="open"{% endif %}>
<summary><h3>{{ grid.source }}</h3> {{ grid.kept }}</summary>
<div class="wide"><table>
<thead><tr><th>rule</th><th class="right">in</th><th class="right">removed</th><th class="right">left</th>
{%- if grid.published %}<th>published</th>{% endif %}</tr></thead>
<tbody>
{% for rule, line, published in grid.lines %}<tr><th>{{ rule }}</th>{{ cells(line, "right") }}
{%- if grid.published %}<td>{{ published }}</td>{% endif %}</tr>
{% endfor %}</tbody></table></div></details>
{% else %}<p class="none">{{ not_run }}</p>
{% endfor %}
{{ figure("funnel", "Problems left after each rule.") }}
{% if published_funnel %}<h3>Published, for reference</h3>
<p class="soft">Rows before and after, as others have stated or counted them; not measured here.</p>
<div class="wide"><table>
<thead><tr><th>training source</th><th class="right">in</th><th class="right">left</th><th></th></tr></thead>
<tbody>
{% for name, counts, note in published_funnel %}<tr><th>{{ name }}</th>
{%- for text in counts %}<td class="right"><a class="soft" href="#published">{{ text }}</a></td>{% endfor %}
<th class="soft note">{{ note }}</th></tr>
{% endfor %}</tbody></table></div>{% endif %}
{% if products %}<h3>To look at and to load</h3>
<ul>
{% for link, words in products %}<li><a href="{{ link }}">{{ words }}</a></li>
{% endfor %}</ul>{% endif %}
</section>

<section id="curations">
<h2>Two training sets</h2>
{% if comparison %}<p class="soft">The same problems under the rules of {{ comparison.names[0] }} and of
{{ comparison.names[1] }}. Below what only one keeps: the rule by which it falls in the other.</p>
<div class="wide"><table>
<thead><tr><th>problems</th>
{%- for name in comparison.sources %}<th class="right">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for title, line, inner in comparison.lines %}<tr><th{% if inner %} class="inner"{% endif %}>{{ title }}</th>
{{- cells(line, "right") }}</tr>
{% endfor %}</tbody></table></div>
{% else %}<p class="none">{{ not_run }}</p>{% endif %}
</section>

<section id="recipes">
<h2>Recipes</h2>
{% if recipes %}
<div class="wide"><table>
<thead><tr><th>stage / benchmark / context</th>
{%- for name in recipes.recipes %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for name, line in recipes.scores %}<tr><th>{{ name }}</th>{{ cells(line, "") }}</tr>
{% endfor %}</tbody></table></div>
<details><summary>switches that differ</summary><div class="wide"><table>
<thead><tr><th>switch</th>{% for name in recipes.recipes %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for name, line in recipes.switches %}<tr><th>{{ name }}</th>
{%- for text in line %}<td>{{ text }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div></details>
{% else %}<p class="none">The recipes were not compared in this run: snakemake recipes does it.</p>{% endif %}
</section>

<section id="samples">
<h2>Sample responses</h2>
{% for sample in samples %}<details><summary><span class="{{ 'AC' if sample.verdict == 'AC' else 'failed' }}">
{{- sample.meaning }}</span>, {{ sample.passed }}: {{ sample.title }}</summary>
<p><a href="#{{ sample.evidence }}">score this belongs to</a></p>
<h3>prompt</h3><pre>{{ sample.prompt }}</pre><h3>response</h3><pre>{{ sample.response }}</pre></details>
{% else %}<p class="none">{{ not_run }}</p>
{% endfor %}
</section>

<section id="provenance">
<h2>Provenance</h2>
{% if rules|length > 1 %}<h3>Jobs behind this page</h3>
<p class="soft">Rules from the raw data down to this page; an arc leads to a rule from what it needs, a dashed one from
a stage to the next.</p>
<div class="rules">{{ drawn(rules) }}</div>
<h3>Each number's way</h3>{% endif %}
{% if pictures %}<p class="soft">Solid: a file that this page was made from, or whose
content hash stands in one. Dashed: its hash stands in the record of a job alone; <code>audit.py</code> reads these too
and hashes every file again.</p>
{% for picture in pictures %}<details class="trail" id="{{ picture.id }}"
{%- if loop.first %} open="open"{% endif %}>
<summary>{{ picture.title }}</summary>
{{ trail(picture) }}
<p><code>python scripts/audit.py {{ picture.table }} --cell "{{ picture.cell }}"</code></p></details>
{% endfor %}{% endif %}
<details><summary><h3>Files</h3> {{ evidence|length }} behind the numbers</summary>
{% for item in evidence %}<details id="{{ item.id }}"><summary>{{ item.title }}</summary>
<dl><dt>file</dt><dd><a href="{{ item.link }}">{{ item.link }}</a></dd>
<dt>sha256</dt><dd><code>{{ item.sha256 }}</code></dd>
<dt>record</dt><dd>{% if item.record %}<a href="{{ item.record }}">{{ item.record }}</a>{% else %}none beside it
{%- endif %}</dd>
{% for picture in pictures if picture.evidence == item.id %}<dt>way to the data</dt>
<dd><a href="#{{ picture.id }}">station by station</a></dd>
{% endfor %}{% for name, text in item.facts.items() %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl></details>
{% endfor %}</details>
{% if sources %}<details id="published"><summary>sources of the published numbers</summary><dl>
{% for key, where in sources %}<dt>{{ key }}</dt><dd>{{ where }}</dd>
{% endfor %}</dl></details>{% endif %}
</section>
<script>{{ script|safe }}</script>
</body>
</html>
"""
