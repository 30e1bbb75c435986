"""Less of dbt's own overhead: what it does for every node though nobody needs it again.

Of a build of this project, SQL is a tenth and dbt's Python the rest. Four parts of it are
the same for every node, or for nobody:

* events of level debug are built and formatted though no logger takes them;
* every node gets a namespace in which every macro of dbt is looked up one by one;
* the same template (a test's, a hook's) is compiled again for every node;
* the types that a query's result is tried for are made again for every query.

dbt offers no setting for any of these, so its private names are exchanged here, and only
here. Each can go when dbt does the same. Where dbt has renamed one, the rest is as it was;
tests/test_dbt_overhead.py fails then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any


def reduce_overhead() -> list[str]:
    """Exchange what is slow, in this process; return the names of what dbt renamed."""
    renamed = []
    for exchange in _EXCHANGES:
        try:
            exchange()
        except (AttributeError, ImportError):
            renamed.append(exchange.__name__)
    return renamed


def _leave_out_unheard_events() -> None:
    from dbt.tracking import track_behavior_change_warn
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    below_info = (EventLevel.DEBUG, EventLevel.TEST)
    make, fire = _original(BaseEvent.__init__), _original(EventManager.fire_event)

    # An event is made when somebody first looks into it.
    def init(self: Any, *args: Any, **given: Any) -> None:
        object.__setattr__(self, "_given", (args, given))

    def getattr_(self: Any, name: str) -> Any:
        if name == "_given":
            raise AttributeError(name)
        if name == "pb_msg":
            args, given = self._given
            make(self, *args, **given)
            return self.__dict__["pb_msg"]
        return getattr(self.pb_msg, name)

    def setattr_(self: Any, name: str, value: Any) -> None:
        if name == "pb_msg":
            object.__setattr__(self, name, value)
        else:
            setattr(self.pb_msg, name, value)

    def fire_event(
        self: Any, e: Any, level: Any = None, *args: Any, **given: Any
    ) -> None:
        is_heard = (
            (level or e.level_tag()) not in below_info
            or any(logger.level in below_info for logger in self.loggers)
            # Which is interested in a warning.
            or any(call is not track_behavior_change_warn for call in self.callbacks)
        )
        if is_heard:
            fire(self, e, level, *args, **given)

    # Exchanged on purpose.
    BaseEvent.__init__ = _exchanged(init, make)  # type: ignore[method-assign]
    BaseEvent.__getattr__ = getattr_  # type: ignore[method-assign]
    BaseEvent.__setattr__ = setattr_  # type: ignore[method-assign]
    EventManager.fire_event = _exchanged(fire_event, fire)  # type: ignore[method-assign]


def _make_namespaces_at_once() -> None:
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder

    class Macro(MacroGenerator):
        def __init__(self, macro: Any, context: Any, node: Any, stack: Any) -> None:
            self.macro = macro
            self.context = context
            self.node = node
            self.stack = stack

    # A dict, so that dbt copies it into a context as a whole.
    class Namespace(dict[str, Any]):
        get_from_package = MacroNamespace.get_from_package

        def __init__(self, namespace: MacroNamespace) -> None:
            # The reverse of the order in which dbt looks.
            for found in reversed(list(namespace._search_order())):
                self.update(found)
            self.packages = namespace.packages
            self.global_project_namespace = namespace.global_project_namespace

    def build_namespace(
        self: Any, macros_by_package: Mapping[str, Mapping[str, Any]], ctx: Any
    ) -> Namespace:
        # Macro is used as dbt's MacroGenerator, and is not one.
        made: dict[str, dict[str, Any]] = {
            package: {
                name: Macro(macro, ctx, self.node, self.thread_ctx)
                for name, macro in macros.items()
            }
            for package, macros in macros_by_package.items()
        }
        of_dbt: dict[str, Any] = {}
        for package in reversed(self.internal_package_names_order):
            of_dbt.update(made.get(package, {}))
        others = {
            package: macros
            for package, macros in made.items()
            if package not in self.internal_package_names
        }
        return Namespace(
            MacroNamespace(
                global_namespace=others.get(self.root_package, {}),
                local_namespace=others.get(self.search_package, {}),
                global_project_namespace=of_dbt,
                packages=others,
            )
        )

    original = _original(MacroNamespaceBuilder.build_namespace)
    # Exchanged on purpose.
    MacroNamespaceBuilder.build_namespace = _exchanged(  # type: ignore[method-assign]
        build_namespace, original
    )


def _compile_templates_once() -> None:
    from dbt_common.clients.jinja import MacroFuzzEnvironment, NativeSandboxEnvironment

    for kind in (MacroFuzzEnvironment, NativeSandboxEnvironment):
        # Exchanged on purpose.
        kind.compile = _compiled_once(  # type: ignore[method-assign]
            _original(kind.compile)
        )


def _compiled_once(original: Callable[..., Any]) -> Callable[..., Any]:
    compiled: dict[str, Any] = {}

    # The code depends on the class, and not on what an environment calls undefined.
    def compile_(self: Any, source: Any, *args: Any, **given: Any) -> Any:
        if args or given or not isinstance(source, str):
            return original(self, source, *args, **given)
        if source not in compiled:
            compiled[source] = original(self, source)
        return compiled[source]

    return _exchanged(compile_, original)


def _make_type_testers_once() -> None:
    from dbt_common.clients import agate_helper

    original = _original(agate_helper.build_type_tester)
    made = lru_cache(maxsize=256)(original)

    def build_type_tester(
        text_columns: Iterable[str],
        string_null_values: Iterable[str] | None = ("null", ""),
    ) -> Any:
        nulls = string_null_values
        return made(frozenset(text_columns), None if nulls is None else tuple(nulls))

    agate_helper.build_type_tester = _exchanged(build_type_tester, original)


def _exchanged(
    function: Callable[..., Any], original: Callable[..., Any]
) -> Callable[..., Any]:
    function.__wrapped__ = original  # type: ignore[attr-defined]
    return function


def _original(function: Callable[..., Any]) -> Callable[..., Any]:
    """What dbt has, also where it was exchanged before."""
    return getattr(function, "__wrapped__", function)


_EXCHANGES = (
    _leave_out_unheard_events,
    _make_namespaces_at_once,
    _compile_templates_once,
    _make_type_testers_once,
)
