"""Models on a server: any endpoint that speaks OpenAI's protocol as a `LanguageModel`.

    address ─► line: requests, streams, retries ─► look: what the server can ─► Way: llama · vllm · chat
    ServerModel.generate() ─► Way ─► what it says, as events ─► pieces

Nothing of this is imported, and no connection opened, unless the user names a server.
"""
