"""storydex measured against stock Whoosh, tantivy-py and SQLite FTS5.

python -m benchmarks --data FOLDER --stories 20000,100000 --peers all

    real_stories.py  a folder of data → stories of real articles
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

python -m benchmarks.relevance --data FOLDER

    judged.py    a folder of data → stories, queries and the stories that answer them
    rankers.py   the engines that are judged
    relevance.py means, goals, the record

python -m benchmarks.rebuild: how fast indexes are made and changed.
"""
