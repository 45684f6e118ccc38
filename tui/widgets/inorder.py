"""Where one types: keys that move and delete do so in their turn among the letters."""

from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from textual.widget import Widget as _Widget
else:
    _Widget = object  # a second widget among the bases would hide the styles of the first


class InOrder(_Widget):
    """In front of a text area or an input: a key of theirs is done at once.

    Textual puts letters in where they arrive, but has other keys bubble up to the app first; letters that come close
    behind would overtake them, and a word that was typed fast would be deleted in the wrong place.
    """

    async def _on_key(self, event: events.Key) -> None:
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            # Those with an id are ours, and may have been given another key.
            if not (binding.id or binding.priority) and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
        await super()._on_key(event)
