"""Outlook through Microsoft Graph, and sign-in through Microsoft Entra."""
