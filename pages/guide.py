"""How to use rnnviz, where it answers the tutorials' questions, and which networks come with it."""

from rnnviz.ui.guide import networks, questions, using
from rnnviz.ui.parts import page

page.show("guide", {"using": using.show, "questions": questions.show, "networks": networks.show})
