"""Markup of the page of problems. It is a Python string so that a rule's identity, which follows imports, covers it."""

OWN_STYLE = """
form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; position: sticky; top: 0;
  background: var(--back); padding: .6rem 0; border-bottom: 1px solid var(--line); z-index: 1; }
select { font: inherit; max-width: 100%; padding: .25rem; color: var(--ink); background: var(--panel);
  border: 1px solid var(--line); border-radius: 4px; }
.problem summary .soft { font-size: .85rem; } .problem summary { overflow-wrap: anywhere; }
.tests { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0 1rem; }
.tests h3 { margin-top: .3rem; } .tests pre { margin: 0 0 .4rem; }
.problem h3 { margin-bottom: .2rem; } [hidden] { display: none; }
"""

# Shows the problems of the chosen source and outcome; the address keeps the choice. The page works without this.
SCRIPT = """
var form = document.getElementById("choice"), all = document.querySelectorAll(".problem");
function apply() {
  var left = 0;
  all.forEach(function (one) {
    one.hidden = ["source", "outcome"].some(function (name) {
      return ![one.dataset[name], ""].includes(form[name].value);
    });
    left += one.hidden ? 0 : 1;
  });
  document.getElementById("left").textContent = left + " shown";
}
function keep() {
  apply();
  location.replace("#" + encodeURIComponent(form.source.value) + "," + encodeURIComponent(form.outcome.value));
}
var words = location.hash.slice(1).split(",").map(decodeURIComponent);
if (words.length === 2) { form.source.value = words[0]; form.outcome.value = words[1]; }
form.hidden = false; form.addEventListener("change", keep); apply();
"""

BODY = """<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>Problems of curation {{ name }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<header>
<h1>Problems of curation {{ name }}</h1>
<p class="soft">Up to {{ shown }} problems of each source for each outcome, the first by id, which is a hash: what was
kept, and what each rule has dropped and why. Long texts are cut. <a href="{{ page }}">Back to the report</a></p>
</header>
<form id="choice" hidden="hidden">
<label>source <select name="source"><option value="">all</option>
{% for source in sources %}<option>{{ source }}</option>
{% endfor %}</select></label>
<label>outcome <select name="outcome"><option value="">all</option>
{% for outcome, words in outcomes.items() %}<option value="{{ outcome }}">{{ words }}</option>
{% endfor %}</select></label>
<span class="soft" id="left"></span>
</form>
{% for problem in problems %}<details class="problem" data-source="{{ problem.source }}"
 data-outcome="{{ problem.outcome }}">
<summary><span class="{{ 'AC' if problem.kept else 'failed' }}">{{ problem.words }}</span>
<span class="soft">{{ problem.source }}</span> {{ problem.title }}</summary>
{% if problem.reason %}<p><b>Why:</b> {{ problem.reason }}</p>{% endif %}
{% if problem.facts %}<dl>
{% for name, text in problem.facts.items() %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl>{% endif %}
{% if problem.statement %}<h3>statement</h3><pre>{{ problem.statement }}</pre>{% endif %}
{% if problem.starter_code %}<h3>starter code</h3><pre>{{ problem.starter_code }}</pre>{% endif %}
{% for given, expected in problem.tests %}<div class="tests"><div><h3>test {{ loop.index0 }}, input</h3>
<pre>{{ given }}</pre></div><div><h3>expected</h3><pre>{{ expected }}</pre></div></div>
{% endfor %}
{% if problem.verdicts %}<h3>verdicts</h3><ul>
{% for sentence in problem.verdicts %}<li>{{ sentence }}</li>
{% endfor %}</ul>{% endif %}
{% if problem.program %}<h3>reference</h3><pre>{{ problem.program }}</pre>{% endif %}
</details>
{% else %}<p class="none">There is no problem.</p>
{% endfor %}
<script>{{ script|safe }}</script>
</body>
</html>
"""
