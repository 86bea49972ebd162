"""What the official Python client makes of the scripted server: one line of JSON for each question that is named."""

import json
import sys
from typing import Literal

from openai import APIStatusError, OpenAI
from pydantic import BaseModel

BASE_URL, MODEL, *QUESTIONS = sys.argv[1:]
client = OpenAI(base_url=BASE_URL, api_key="unused", max_retries=0)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def chat(messages, **extra):
    return client.chat.completions.create(model=MODEL, messages=messages, **extra)


def user(content):
    return {"role": "user", "content": content}


def text():
    reply = chat([user("Say hello")], logprobs=True)
    tokens = "".join(entry.token for entry in reply.choices[0].logprobs.content)
    return [reply.choices[0].message.content, tokens, reply.usage.completion_tokens > 2]


def stream():
    chunks = list(chat([user("Say hello")], stream=True, stream_options={"include_usage": True}))
    parts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    return ["".join(parts), chunks[-1].usage.total_tokens > 0]


def tools():
    messages = [user("Weather in Paris?")]
    message = chat(messages, tools=[WEATHER]).choices[0].message
    call = message.tool_calls[0]
    answer = {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
    reply = chat([*messages, message.model_dump(exclude_none=True), answer], tools=[WEATHER])
    return [json.loads(call.function.arguments), message.reasoning_content, reply.choices[0].message.content]


class Friend(BaseModel):
    name: str


class Person(BaseModel):
    name: str
    age: int
    email: str | None
    friends: list[Friend]
    role: Literal["admin", "user"]


def schema():
    request = {"model": MODEL, "messages": [user("Who is Ann?")], "response_format": Person}
    whole = client.chat.completions.parse(**request).choices[0].message.parsed
    with client.chat.completions.stream(**request) as stream:
        streamed = stream.get_final_completion().choices[0].message.parsed
    return [whole.model_dump(), streamed == whole]


def error():
    try:
        chat([user("Say hello")], temperature=9)
    except APIStatusError as refused:
        return [refused.status_code, refused.code, refused.param, bool(refused.request_id)]


def cancel():
    for chunk in chat([user("Say hello")], stream=True):
        if chunk.choices[0].delta.content:
            break
    return [client.models.list().data[0].id]


for name in QUESTIONS:
    print(json.dumps({name: globals()[name]()}), flush=True)
