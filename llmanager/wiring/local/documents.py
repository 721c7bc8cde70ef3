"""Where documents to ingest come from on this platform: uploads, and a folder of the server's own."""

from llmanager.wiring.local.uploaded_documents import UploadedDocuments as Documents

__all__ = ["Documents"]
