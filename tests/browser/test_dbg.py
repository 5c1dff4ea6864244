from playwright.sync_api import expect
from run_widget import RunWidget
def test_dbg(notebook, lm, page):
    opened = notebook("run = optimizer.start(student, **{**data,'num_trials':5}, requires_permission_to_run=False)\nrun.wait()")
    opened.run(1)
    opened.save(); 
    w=RunWidget(opened.output(1))
    print(w._live.count())
    opened.reload()
    for i in range(30):
        print(i, w._live.count(), opened.output(1).locator(".mipro:visible").count())
        page.wait_for_timeout(50)
    assert 0
