"""What an editor sends."""

from django import forms

from journal.models import Article


class ArticleForm(forms.ModelForm):
    """An article as its editor writes it."""

    class Meta:
        model = Article
        fields = ["title", "slug", "author", "summary", "cover", "body", "status"]


class PictureForm(forms.Form):
    """A picture on its way into a text; Pillow has to recognise it."""

    file = forms.ImageField()
