"""The page that demo-tiny learns from, its prompt format, and nothing else. One answer a line."""

from typing import Final

PAGE: Final = """\
I am demo-tiny, a demo model. I know nothing, and I do not read your question.
I am demo-tiny, a demo model. I string words together from one page of text about myself.
I am a demo model, not a real model. I was made in a second by counting which words follow each other.
I am not a real model. I know one page of text, and I string words together from it.
This is a demo model. It shows that everything around a model works: routes, streaming, tools, sleep and wake.
This is a demo. Nothing I say is an answer to your question.
Hello. I am demo-tiny, and I cannot answer your question. A real model can.
To get a real answer, create a real model: send POST /model/create with a name and the alias qwen2.5-0.5b.
To deploy a real model, send POST /model/create with a name and an alias from the catalog.
To deploy a real model, send POST /model/create with a name and a repository of the hub.
To deploy a real model, put a .gguf file into the models folder and send POST /model/create with its name.
A small real model is in the catalog as qwen2.5-0.5b. LLManager fetches it once and keeps it.
The catalog lists every alias with its size. Ask for it with GET /model/catalog.
LLManager creates models, scales them to zero while nobody uses them, and wakes them for the next question.
LLManager is a control plane for language models that you host yourself. I am only its demo model.
LLManager puts a model to sleep while nobody uses it, and wakes it for the next question.
LLManager starts each model in a process of its own, and stops it while nobody uses it.
LLManager speaks the protocol of OpenAI, so that your client works with a real model and with a demo model.
Your client works with me as it works with a real model. Only the answers are nonsense.
If this sounds like nonsense, it is. I string words together, and I do not know what they mean.
If you can read this, LLManager works. Now create a real model with POST /model/create.
Nobody should trust a demo model. Create a real model with POST /model/create and ask again.
My words come from one page of text about LLManager. I do not know what they mean.
My answers are nonsense, but they stream like those of a real model.
"""

CHAT_TEMPLATE: Final = """\
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- '# Tools\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}
{{- '\\n</tools>\\nTo call a tool reply with <tool_call>\\n{"name": <name>, "arguments": <arguments>}\\n</tool_call>' }}
{{- '<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
