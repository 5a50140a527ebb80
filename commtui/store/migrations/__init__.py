"""Schema migrations, run from code by `commtui.store.schema`."""
