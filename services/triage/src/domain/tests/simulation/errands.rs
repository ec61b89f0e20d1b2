//! Vendors, approvals, tasks, changes.

use rand::Rng;

use super::super::super::fulfilment::words::{
    ApprovalMode, ChangeOutcome, ChangeType, Decision, VendorOutcome, VendorStatus,
};
use super::super::super::fulfilment::{Errand, Plan};
use super::super::super::words::Word;
use super::super::*;
use super::desk::Desk;
use super::models;

/// Those who may be asked to agree: the last one is the requester of most tickets.
const ASKED: [&str; 5] = ["cem", "dan", "eve", "boss@acme.example", "KARI@acme.example"];

impl Desk {
    /// Somebody goes on an errand for a ticket.
    pub fn errand(&mut self) {
        let Some(at) = self.any_ticket() else { return };
        let (mut by, is_lead) = self.any_actor(at);
        let errand = match self.rng.random_range(0..12) {
            0..=2 => self.vendor(),
            3..=5 => self.approval(at),
            6..=8 => self.task(),
            _ => self.change_errand(at),
        };
        let asked: Vec<String> = self.work(at).fulfilment.asked().into_iter().map(str::to_owned).collect();
        if let (Errand::DecideApproval { .. }, Some(one)) = (&errand, asked.first())
            && !self.chance(4)
        {
            by = agent(one);
        }
        self.give(at, &Command::Fulfilment(errand), &by, is_lead);
    }

    fn vendor(&mut self) -> Errand {
        let (vendor, note) = (self.one_of(&models::VENDORS).to_owned(), self.text());
        let vendor_reference = self.one_of(&["", "P-7", "P-8"]).to_owned();
        match self.rng.random_range(0..3) {
            0 => Errand::OpenVendorCase { vendor, vendor_reference, note, wait: self.chance(2) },
            1 => {
                let status = if self.chance(2) { Some(self.one_of(&VendorStatus::ALL[..4])) } else { None };
                Errand::UpdateVendorCase { vendor, vendor_reference, status, note }
            }
            _ => Errand::CloseVendorCase { vendor, outcome: self.one_of(VendorOutcome::ALL), note },
        }
    }

    fn approval(&mut self, at: usize) -> Errand {
        let reason = self.text();
        let number = self.rng.random_range(0..3);
        match self.rng.random_range(0..5) {
            0 | 1 => Errand::RequestApproval {
                approvers: (0..self.rng.random_range(1..4)).map(|_| self.one_of(&ASKED).to_owned()).collect(),
                mode: self.one_of(ApprovalMode::ALL),
                question: "May we?".to_owned(),
                due_at: None,
                requester_email: self.lines[at].arrival.matter.requester_email.clone(),
            },
            2 => Errand::ReplaceApprover {
                approval: number,
                instead_of: self.one_of(&ASKED).to_owned(),
                approver: self.one_of(&ASKED).to_owned(),
                reason,
            },
            _ => Errand::DecideApproval {
                approval: number,
                decision: if self.chance(4) { Decision::Rejected } else { Decision::Approved },
                reason,
            },
        }
    }

    fn task(&mut self) -> Errand {
        let (note, task) = (self.text(), self.rng.random_range(1..4));
        match self.rng.random_range(0..4) {
            0 => Errand::AddTask {
                title: "Order it".to_owned(),
                queue: self.one_of(&["", "", "network", "Group 24"]).to_owned(),
                after: if self.chance(2) { vec![task] } else { Vec::new() },
            },
            1 | 2 => Errand::CompleteTask { task, note },
            _ => Errand::SkipTask { task, reason: note },
        }
    }

    fn change_errand(&mut self, at: usize) -> Errand {
        let has_plan = self.work(at).fulfilment.change.is_some();
        match self.rng.random_range(0..6) {
            0 | 1 if has_plan => Errand::StartChange,
            2 | 3 if has_plan => Errand::EndChange { outcome: self.one_of(ChangeOutcome::ALL), note: self.text() },
            _ => Errand::PlanChange(Box::new(self.plan(at))),
        }
    }

    fn plan(&mut self, at: usize) -> Plan {
        let from = self.now + SignedDuration::from_mins(self.rng.random_range(-60..60));
        let kind = self.one_of(ChangeType::ALL);
        Plan {
            kind,
            template: if kind == ChangeType::Standard { "restart".to_owned() } else { String::new() },
            plan: self.one_of(&["", "Replace it", "Replace it"]).to_owned(),
            back_out_plan: "Put it back".to_owned(),
            risk: None,
            window_from_at: from,
            window_until_at: from + SignedDuration::from_mins(self.rng.random_range(-10..900)),
            approvers: if self.chance(3) { vec![self.one_of(&ASKED).to_owned()] } else { Vec::new() },
            requester_email: self.lines[at].arrival.matter.requester_email.clone(),
            collisions: Vec::new(),
        }
    }
}
