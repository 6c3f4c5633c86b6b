"""The journal in Django's administration pages."""

from django.contrib import admin

from journal.models import Article, Author, Comment, Document, Photo, SiteSetting


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    """Articles, the deleted ones too."""

    list_display = ["title", "author", "status", "created", "deleted_at"]
    list_filter = ["status", "author"]
    search_fields = ["title", "body"]
    prepopulated_fields = {"slug": ["title"]}
    date_hierarchy = "created"


admin.site.register([Author, Comment, Document, Photo, SiteSetting])
