"""Serve: pictures and sound of local programs flow in over a WebSocket, rows and trigger events flow back."""
