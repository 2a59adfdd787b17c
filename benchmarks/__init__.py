"""storydex measured against stock Whoosh, tantivy-py and SQLite FTS5.

python -m benchmarks --stories 1000,20000 --peers all

    corpus.py    stories → the words and providers that engines are fed
    queries.py   a corpus → the query log
    works.py     what is measured, and what an answer is
    engines/     one module an engine: build an index, open it, run a query
    worker.py    one job in a process of its own: build, draw, measure, open
    run.py       the jobs of one run, in order
    summary.py   times by query → medians, ratios, disagreements
    record.py    the machine, and the dated record
    curves.py    numbers → SVG
    report.py    a record → Markdown
    cli.py       the command
"""
