"""The web UI: pages for people, made on the server from the answers of calls, whole without JavaScript.

To add a page: a module here with `async def page(visit: Visit, desk: Desk) -> HttpResponse`, its template in `templates`,
and its line in `server.ui.table`. A page asks the desk for answers and renders them:

    async def page(visit: Visit, desk: Desk) -> HttpResponse:
        run = await desk.ask("RunService.GetRun", run_id=visit.values["run_id"])
        return render(visit, "run.html", run=run)

`Visit` (server.ui.visit) is what the browser sent: fields of the path (`values`), the query (`text`, `number`), a posted form
(`form`), and addresses of other pages (`to`, `changed`). `Desk` (server.ui.calls) calls methods by their full names through the
dispatcher; a call that is refused raises `Refused`, which becomes an error page with its HTTP status, as does any other
exception. `render` (server.ui.rendering) also passes `visit` and `root` to the template: `root` leads from the page's address to
the front page ("./", "../"), so that every address is relative and pages work behind a proxy that strips a path prefix.

Templates extend `base.html`, which has the blocks `title`, `attributes` (of <main>), `main` and `scripts`; filters and macros are in
`server.ui.filters` and `templates/parts.html`. Text is escaped everywhere: no template marks a value as safe. Scripts and styles are in
`server/static/ui`; `{{ root }}{{ asset("ui/ui.css") }}` is the address of one.
"""
