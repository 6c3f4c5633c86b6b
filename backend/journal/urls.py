"""Addresses of the journal's pages."""

from django.urls import path

from journal import views

urlpatterns = [
    path("", views.home, name="home"),
    path("articles/<slug:slug>/", views.article, name="article"),
    path("articles/<slug:slug>/edit/", views.edit, name="edit"),
    path("articles/<slug:slug>/delete/", views.delete, name="delete"),
    path("write/", views.edit, name="write"),
    path("upload/", views.upload, name="upload"),
    path("documents/", views.documents, name="documents"),
    path("photos/", views.photos, name="photos"),
]
