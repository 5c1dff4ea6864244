from playwright.sync_api import expect
from run_widget import RunWidget
def test_dbg(notebook, lm, page):
    page.on('console', lambda e: print('C', e.text[:300]))
    opened = notebook("run = optimizer.start(student, **data)")
    page.evaluate("() => document.addEventListener('mipro:snapshot', e => console.log('SNAP', e.detail.snapshot.seq, e.detail.snapshot.summary.id, !!e.target.closest('.mipro-keeps')), true)")
    opened.begin(1)
    w = RunWidget(opened.output(1))
    w.permit()
    page.wait_for_timeout(9000)
    print(page.evaluate("() => { const nb = window.jupyterapp.shell.currentWidget; const o = nb.content.model.cells.get(1).outputs.get(0); const d=o.data['application/vnd.mipro.run+json']; return [Object.keys(o.data), d && d.run, d && d.permission && d.permission.state, !!(d&&d.snapshot), o.trusted]}"))
    opened.save()
    page.wait_for_timeout(1000)
    print(page.evaluate("() => { const nb = window.jupyterapp.shell.currentWidget; const o = nb.content.model.cells.get(1).outputs.get(0); const d=o.data['application/vnd.mipro.run+json']; return [Object.keys(o.data), d && d.run, d && d.permission && d.permission.state, !!(d&&d.snapshot), o.trusted]}"))
    assert 0
